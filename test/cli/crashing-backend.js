// The echo backend, but for what its users say: at `crash` the process ends as a faulty engine ends it, and what begins with
// `hold` is answered when the server stops. With CRASH_AT_LOAD, there is no model.
import { once } from 'node:events';
import { createEchoBackend } from '../../dist/backends/echo/echo-backend.js';

const crash = () => process.kill(process.pid, 'SIGSEGV');
const echo = createEchoBackend();

export default {
  ...echo,
  name: 'crashing',
  async load(...given) {
    if (process.env['CRASH_AT_LOAD'] !== undefined) {
      crash();
      await new Promise(() => undefined);
    }
    const model = await echo.load(...given);
    return Object.create(model, {
      generate: {
        value: async function* generate(request, signal) {
          const said = JSON.stringify(request.messages.at(-1)?.content);
          if (said.includes('crash')) {
            crash();
            await new Promise(() => undefined);
          }
          if (said.includes('hold')) {
            process.stderr.write('holding\n');
            await once(signal, 'abort');
          }
          yield* model.generate(request, signal);
        },
      },
      info: { get: () => model.info },
      close: { value: () => model.close() },
      stats: { value: () => model.stats() },
    });
  },
};
