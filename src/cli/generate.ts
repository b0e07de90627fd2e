import type { Command } from 'commander';
import type { Box } from '../boxes/index.ts';
import { chat } from '../client/index.ts';
import type { ChatAnswer, ChatRequest, Message } from '../client/index.ts';
import { VserveError } from '../errors/index.ts';
import { hideSecretFlags } from './access-settings.ts';
import { AnswerPrinter, answerSummary, timingsOf } from './ask/answer-printer.ts';
import { drawBoxesOf, pictureToDrawOn, planBoxes } from './ask/boxes.ts';
import { connect, connectionSettingNames, isForServers } from './ask/connect.ts';
import type { Connection } from './ask/connect.ts';
import { nothingToAsk, readQuestion } from './ask/question.ts';
import { namingSchema, requestFields, samplingSettingNames } from './ask/request-fields.ts';
import { describeConfiguration } from './configuration.ts';
import type { Context } from './context.ts';
import { addMaxFlags, tellMaxFlags } from './max-flags.ts';
import { logLevelOf } from './output.ts';
import { addSettingFlags, storeHelp } from './setting-flags.ts';
import { modelArgument, verbSettings } from './verb-settings.ts';
import { counted } from '../formats/counted.ts';

const settingNames = [
  ...connectionSettingNames,
  'prompt',
  'images',
  'boxes',
  'system',
  'numWarmups',
  ...samplingSettingNames,
] as const;

const afterHelp = (): string => `
Without a prompt, standard input is the prompt; on a terminal, a conversation
begins, as with vserve chat.
${storeHelp()}

Examples:
  vserve generate google/gemma-3-4b-it --prompt "Why is the sky blue?"
  vserve generate google/gemma-3-4b-it --image cat.jpg --prompt "What is it?"
  vserve generate --url http://localhost:8000 --image - < cat.jpg
  vserve generate --url http://localhost:8000 --schema invoice.json \\
    --image invoice.png --prompt "Read this invoice" --json
  vserve generate Qwen/Qwen3-VL-4B-Instruct --boxes boxes.png \\
    --image street.jpg --prompt "Detect all cars: bbox_2d and label, as JSON"`;

/** Makes `command` the verb `generate`. */
export function define(command: Command, context: Context): void {
  command
    .argument('[model]', 'The same as --model')
    .option('--json', 'Print one JSON object at the end: text, usage and timings');
  addSettingFlags(
    command,
    settingNames.filter((name) => !isForServers(name)),
  );
  addMaxFlags(command);
  command.addHelpText('after', afterHelp());
  command.action((model: string | undefined, { json }: { json?: true }) =>
    generate(command, model, json === true, context),
  );
}

async function generate(
  command: Command,
  argument: string | undefined,
  isJson: boolean,
  context: Context,
): Promise<void> {
  const { output } = context;
  const loaded = await verbSettings(command, settingNames, context, modelArgument(command, argument));
  const { settings } = loaded;
  output.level = logLevelOf(settings.logLevel);
  hideSecretFlags(loaded.origins, 'generate');
  tellMaxFlags(command, output);
  if (settings.prettyPrintConfig) output.note(describeConfiguration(loaded, settingNames));
  const fields = await requestFields(settings);
  const asked = await readQuestion(settings, context);
  const drawing = settings.boxes === undefined ? undefined : await pictureToDrawOn(asked, context.signal);
  const messages = drawing?.messages ?? asked;
  if (messages === undefined) {
    if (isJson) throw nothingToAsk();
    const { converse } = await import('./chat/converse.ts');
    await converse(loaded, fields, context);
    return;
  }
  const connection = await connect(loaded, context);
  try {
    const plan = settings.boxes === undefined ? undefined : await planBoxes(settings.boxes, connection, context.signal);
    const details = plan === undefined ? {} : { include: ['image_details'] };
    const request = { ...fields, ...details, model: connection.model, messages };
    for (let run = 0; run < settings.numWarmups; run += 1) {
      await chat(connection.endpoint, request, { signal: context.signal });
    }
    const answer = await ask(connection, request, isJson, context).catch((error: unknown) => {
      throw namingSchema(error, settings.schema);
    });
    const boxes = plan && drawing && (await drawBoxesOf(answer, drawing.picture, plan));
    if (isJson) output.print(JSON.stringify(answerJson(answer, connection, boxes), undefined, 2));
    else if (output.isTerminal) output.note(output.style('dim', answerSummary(answer)));
    if (plan && boxes) output.note(`${boxes.length} ${boxes.length === 1 ? 'box' : 'boxes'} drawn into ${plan.path}.`);
    checkEnd(answer, settings.schema !== undefined, context);
  } finally {
    await connection.close();
  }
}

/** Prints an answer while it is generated, unless it is wanted as JSON. Ends it when nobody reads it any more. */
async function ask(
  { endpoint }: Connection,
  request: ChatRequest & { readonly messages: readonly Message[] },
  isJson: boolean,
  { output, signal }: Context,
): Promise<ChatAnswer> {
  if (isJson) return chat(endpoint, request, { signal });
  const printer = new AnswerPrinter(output);
  const unread = output.whenUnread();
  try {
    const { onText, onReasoning } = printer;
    return await chat(endpoint, request, { onText, onReasoning, signal: AbortSignal.any([signal, unread]) });
  } finally {
    printer.end();
  }
}

function answerJson(answer: ChatAnswer, { model }: Connection, boxes: readonly Box[] | undefined): object {
  const { text, reasoning, finishReason, promptTokens, cachedTokens, completionTokens } = answer;
  return {
    model: answer.model ?? model,
    text,
    ...(reasoning === '' ? {} : { reasoning }),
    finishReason,
    // In pixels of the image as it is upright.
    ...(boxes === undefined ? {} : { boxes }),
    usage: { promptTokens, cachedTokens, completionTokens },
    timings: timingsOf(answer),
  };
}

/** An answer that was cut off is told; JSON that was is of no use. */
function checkEnd({ finishReason, completionTokens }: ChatAnswer, isSchema: boolean, { output }: Context): void {
  if (finishReason !== 'length') return;
  const tokens = completionTokens === undefined ? '' : ` after ${counted(completionTokens, 'token')}`;
  const message = `The answer was cut off${tokens}, by --max-new-tokens or the length of the context (--max-length).`;
  if (isSchema) throw new VserveError('generation_failed', `${message} It is not complete JSON.`);
  output.log('warning', message);
}
