import type { ResponseRequest } from '../../api/responses/index.ts';

/** The part of the context that is left to an answer without a limit of its own, and the most that is left to any. */
const USUAL_ANSWER = 1 / 4;
const LONGEST_ANSWER = 1 / 2;

/**
 * A request that asks for it (`truncation`) without the oldest turns of its conversation, as many as must go so that the rest
 * and an answer fit into the context. A turn is a message of the user and all that follows it; system messages at the head
 * and the last turn stay. Unchanged if all of it fits.
 */
export async function fitToContext(
  request: ResponseRequest,
  contextLength: number,
  count: (request: ResponseRequest) => Promise<number>,
): Promise<ResponseRequest> {
  if (!request.answer.truncates || (await count(request)) < contextLength) return request;
  const turns = turnStarts(request);
  const answer = Math.min(request.maxTokens ?? USUAL_ANSWER * contextLength, LONGEST_ANSWER * contextLength);
  // The least that must go, by halves: what is longer has more tokens.
  let [least, most] = [1, turns.length - 1];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if ((await count(without(request, turns, middle))) <= contextLength - answer) most = middle;
    else least = middle + 1;
  }
  return without(request, turns, most);
}

/** Where each turn of a conversation begins. */
function turnStarts({ messages }: ResponseRequest): readonly number[] {
  return messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []));
}

function without(request: ResponseRequest, turns: readonly number[], count: number): ResponseRequest {
  const [first = 0] = turns;
  const { messages } = request;
  return { ...request, messages: [...messages.slice(0, first), ...messages.slice(turns[count] ?? first)] };
}
