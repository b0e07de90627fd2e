import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly [field: string]: unknown;
}

/** A request for a chat completion, which the test answers. */
export interface ScriptedRequest {
  readonly body: ChatBody;
  readonly authorization: string | undefined;
  /** Sends pieces of the answer. */
  say(...texts: readonly string[]): void;
  /** Sends what stands in one event. */
  event(data: object): void;
  /** Ends the answer. */
  end(finishReason?: string): void;
  /** Breaks the connection off. */
  break(): void;
  /** Resolves when the client has left, or the answer has ended. */
  readonly closed: Promise<unknown>;
}

export interface ScriptedServer {
  readonly url: string;
  /** The next request. */
  next(): Promise<ScriptedRequest>;
}

/**
 * A server of OpenAI's API whose answers come from the test, piece by piece. Its model is `scripted`, with a vision projector
 * of this kind.
 */
export async function scriptedServer(projector?: string): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = [];
  const waiting: ((request: ScriptedRequest) => void)[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      response.end(JSON.stringify({ data: [{ id: 'scripted', architecture: { projector } }] }));
      return;
    }
    void (async () => {
      const body = await json(request);
      const scripted = scriptedRequest(body as ChatBody, request.headers.authorization, response);
      const taker = waiting.shift();
      if (taker === undefined) requests.push(scripted);
      else taker(scripted);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => {
      const first = requests.shift();
      return first === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(first);
    },
  };
}

function scriptedRequest(body: ChatBody, authorization: string | undefined, response: ServerResponse): ScriptedRequest {
  let tokens = 0;
  const closed = once(response, 'close');
  const event = (data: object): void => void response.write(`data: ${JSON.stringify(data)}\n\n`);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  return {
    body,
    authorization,
    closed,
    event,
    say(...texts) {
      tokens += texts.length;
      for (const content of texts) event({ choices: [{ index: 0, delta: { content } }] });
    },
    end(finishReason = 'stop') {
      event({ choices: [{ index: 0, delta: {}, finish_reason: finishReason }] });
      event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: tokens } });
      response.end('data: [DONE]\n\n');
    },
    break: () => void response.destroy(),
  };
}
