/** A backend for `vserve serve --backend`, as `paced-echo`, and twenty times as slow. */
import { setTimeout } from 'node:timers/promises';
import { createEchoBackend } from '../../backends/echo/index.ts';

const tokenMs = 800;

export default createEchoBackend({ beforeDelta: () => setTimeout(tokenMs) });
