import { upstreamPolicies } from '../../backend/index.ts';
import { option } from '../option.ts';
import { choice, list, optional, serverAddress, text, toggle, wholeNumber } from '../value-kinds.ts';

/** The longest delay of a timer in Node, in seconds. */
const LONGEST_TIMER_S = 2_147_483;

/** The servers that `--backend openai` passes requests on to. */
export const upstreamOptions = {
  upstreams: option({
    group: 'Upstreams',
    flags: ['upstream'],
    argument: 'address',
    help: 'Server of the OpenAI API that computes for --backend openai, such as http://10.0.0.7:8000; repeatable',
    kind: list('addresses of servers', (value) => serverAddress().accept(value) !== undefined),
    default: [],
    defaultText: 'none',
  }),
  upstreamsFile: option({
    group: 'Upstreams',
    flags: ['upstreams-file'],
    argument: 'path',
    help: 'YAML file of further upstreams: url, key, weight, capacity, models; read again at SIGHUP',
    kind: optional(text('the path of a YAML file')),
    default: undefined,
    defaultText: 'none',
  }),
  upstreamApiKey: option({
    group: 'Upstreams',
    flags: [],
    environment: 'VSERVE_UPSTREAM_API_KEY',
    secret: true,
    inConfigFile: false,
    help: 'API key for upstreams that the file gives none',
    kind: optional(text('an API key')),
    default: undefined,
    defaultText: 'none',
  }),
  upstreamPolicy: option({
    group: 'Upstreams',
    flags: ['upstream-policy'],
    argument: 'policy',
    help: 'How an upstream is chosen for a request',
    kind: choice(upstreamPolicies, {
      notes: { affinity: 'the same for the same conversation and pictures, unless it is busier than the others' },
    }),
    default: 'affinity',
  }),
  upstreamTimeoutS: option({
    group: 'Upstreams',
    flags: ['upstream-timeout-s'],
    argument: 'seconds',
    help: 'How long an upstream may be silent before its request fails',
    kind: wholeNumber(1, LONGEST_TIMER_S),
    default: 300,
  }),
  upstreamHealthIntervalS: option({
    group: 'Upstreams',
    flags: ['upstream-health-interval-s'],
    argument: 'seconds',
    help: 'How often each upstream is asked whether it is well',
    kind: wholeNumber(1, LONGEST_TIMER_S),
    default: 5,
  }),
  upstreamMaxImagePixels: option({
    group: 'Upstreams',
    flags: ['upstream-max-image-pixels'],
    argument: 'pixels',
    help: 'Make larger pictures this small before they are sent',
    kind: optional(wholeNumber(1)),
    default: undefined,
    defaultText: 'send them as they are',
  }),
  mediaPassthrough: option({
    group: 'Upstreams',
    flags: ['media-passthrough'],
    help: 'Let upstreams fetch pictures from http(s) URLs, instead of checking and sending them',
    kind: toggle(),
    default: false,
  }),
} as const;
