// A backend for `vserve serve --backend`: it repeats the last message, a word every few milliseconds.
import { setTimeout } from 'node:timers/promises';
import { createEchoBackend } from '../../../../dist/backends/echo/index.js';

export default createEchoBackend({ beforeDelta: () => setTimeout(5) });
