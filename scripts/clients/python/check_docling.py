"""Docling's VLM pipeline with a model behind an API: pages to DocTags and to Markdown, control tokens included."""

import json
import os

from client import FOLDER, IMAGE, MODEL, URL, run
from docling.datamodel.base_models import ConversionStatus, InputFormat
from docling.datamodel.pipeline_options import VlmConvertOptions, VlmPipelineOptions
from docling.datamodel.pipeline_options_vlm_model import ApiVlmOptions, ResponseFormat
from docling.datamodel.vlm_engine_options import ApiVlmEngineOptions, VlmEngineType
from docling.document_converter import DocumentConverter, ImageFormatOption
from docling.pipeline.vlm_pipeline import VlmPipeline

PAGE = os.path.join(FOLDER, "page.png")
with open(PAGE, "wb") as file:
    file.write(IMAGE)

# The embedded model knows shapes, no DocTags: a grammar makes it write some.
DOCTAGS = "<doctag><section_header_level_1><loc_10><loc_10><loc_90><loc_20>A title</section_header_level_1></doctag>"
GRAMMAR = f"root ::= {json.dumps(DOCTAGS)}"
CONTROL_TOKEN_ID = 2
CONTROL_TOKEN = "<bos>"


def engine(model=MODEL, **params):
    settings = {"model": model, "max_tokens": 100, "temperature": 0, **params}
    return {"url": f"{URL}/chat/completions", "params": settings, "timeout": 300}


def convert(response_format, raises=True, **params):
    prompt = "Convert this page to docling."
    return converted(ApiVlmOptions(prompt=prompt, response_format=response_format, **engine(**params)), raises)


def converted(options, raises=True):
    pipeline = VlmPipelineOptions(enable_remote_services=True, vlm_options=options, generate_page_images=True)
    page = ImageFormatOption(pipeline_cls=VlmPipeline, pipeline_options=pipeline)
    converter = DocumentConverter(allowed_formats=[InputFormat.IMAGE], format_options={InputFormat.IMAGE: page})
    return converter.convert(PAGE, raises_on_error=raises)


def response(result):
    return result.pages[0].predictions.vlm_response.text


def markdown():
    result = convert(ResponseFormat.MARKDOWN)
    assert result.status == ConversionStatus.SUCCESS and result.document.export_to_markdown().strip()


def doctags():
    title_of(convert(ResponseFormat.DOCTAGS, grammar=GRAMMAR, skip_special_tokens=False))


def preset():
    options = ApiVlmEngineOptions(engine_type=VlmEngineType.API, **engine(grammar=GRAMMAR))
    title_of(converted(VlmConvertOptions.from_preset("granite_docling", engine_options=options)))


def title_of(result):
    # The preset stops at the last tag, which is left out then.
    assert response(result).startswith(DOCTAGS.removesuffix("</doctag>")), response(result)
    [title] = result.document.texts
    assert title.text == "A title" and title.prov[0].bbox.l > 0


def control_tokens(skipped):
    def check():
        params = {"logit_bias": {str(CONTROL_TOKEN_ID): 100}, "max_tokens": 2}
        result = convert(ResponseFormat.MARKDOWN, skip_special_tokens=skipped, **params)
        assert (CONTROL_TOKEN in response(result)) != skipped, response(result)

    return check


def error():
    assert convert(ResponseFormat.MARKDOWN, model="none", raises=False).status != ConversionStatus.SUCCESS


run(
    {
        "a page to Markdown": markdown,
        "a page to DocTags": doctags,
        "the preset of Granite Docling": preset,
        "control tokens, kept": control_tokens(False),
        "control tokens, left out": control_tokens(True),
        "an error": error,
    }
)
