import { runCode } from './run-python.ts';

/**
 * Python that runs llama.cpp's converter. The first argument is JSON, key-values for the file besides the converter's own:
 * `{"key": {"type": "uint32", "value": 1}}`; the others are those of `python convert_hf_to_gguf.py …`.
 */
export const runConverter = runCode(`
import json
more = json.loads(sys.argv.pop(0))
folder = os.path.dirname(sys.argv[0])
sys.path[0:0] = [folder, os.path.join(folder, "gguf-py")]
import gguf
write_header = gguf.GGUFWriter.write_header_to_file
def write_header_with_more(writer, *args, **named):
    for key, given in more.items():
        if not any(key in written for written in writer.kv_data):
            getattr(writer, "add_" + given["type"])(key, given["value"])
    return write_header(writer, *args, **named)
gguf.GGUFWriter.write_header_to_file = write_header_with_more
runpy.run_path(sys.argv[0], run_name="__main__")
`);
