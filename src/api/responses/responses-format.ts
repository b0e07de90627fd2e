import type { WireFormat } from '../wire-format.ts';
import type { ResponseArchive } from './archive.ts';
import { responsesErrors } from './errors.ts';
import { EventWriter } from './event-writer.ts';
import { collectOutput } from './output.ts';
import { parseResponseRequest } from './parse-response-request.ts';
import { RESPONSE_SCHEMAS } from './schemas.ts';
import type { ResponseJson } from './response-json.ts';
import { endedResponse } from './response-json.ts';
import type { ResponseRequest, ResponseSettings } from './response-request.ts';

/**
 * OpenAI's Responses, for one request of the client whose archive it is: the format knows the one stream that it writes, to
 * number the events of a failure.
 */
export function responsesFormat(archive: ResponseArchive): WireFormat<ResponseRequest> {
  let writer: EventWriter | undefined;
  const keep = ({ answer: { store, input } }: ResponseRequest, response: ResponseJson): void => {
    if (store) archive.keep({ response, input });
  };
  return {
    idPrefix: 'resp_',
    framing: 'sse',
    parse: (body, options) => parseResponseRequest(body, options, archive),
    async answer(identity, events, request) {
      const output = await collectOutput(identity.id, request.answer, events);
      const response = endedResponse(identity, settingsOf(request), output, Math.floor(Date.now() / 1000));
      keep(request, response);
      return response;
    },
    writer(identity, request) {
      writer = new EventWriter(identity, settingsOf(request), (response) => keep(request, response));
      return writer;
    },
    schemas: RESPONSE_SCHEMAS,
    errors: {
      ...responsesErrors,
      text: (error) => writer?.failure(error).join('') ?? responsesErrors.text(error),
    },
  };
}

function settingsOf({ answer, imageDetails }: ResponseRequest): ResponseSettings {
  return { ...answer, imageDetails };
}
