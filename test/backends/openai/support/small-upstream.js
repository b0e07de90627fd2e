// A server of OpenAI's API as a process of its own, to be killed and stopped: it says ten words to everyone.
//     node small-upstream.js [port]
// Writes its port to standard output.
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';

const chunk = (delta, reason = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;

const server = createServer((request, response) => {
  if (request.method === 'GET') response.end(JSON.stringify({ data: [{ id: 'tiny', owned_by: 'test' }] }));
  else request.resume().on('end', () => void answer(response));
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));

async function answer(response) {
  response.on('error', () => undefined);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let word = 0; word < 10; word += 1) {
    response.write(chunk({ content: `word ${word} ` }));
    await setTimeout(2);
  }
  response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
}
