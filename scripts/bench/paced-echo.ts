/** A backend for `vserve serve --backend`: it repeats the last message, at the pace of an engine that serves many streams. */
import { setTimeout } from 'node:timers/promises';
import { createEchoBackend } from '../../backends/echo/index.ts';

/** 25 tokens a second. */
const tokenMs = 40;

export default createEchoBackend({ beforeDelta: () => setTimeout(tokenMs) });
