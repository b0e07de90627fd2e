import { Counter, Histogram, Registry } from 'prom-client';
import { isCodedError } from '../errors/index.ts';
import { mediaRejections } from '../media/index.ts';
import type { MediaRejection, ResolvedImage } from '../media/index.ts';

const TIME_BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/** The server's metrics, named like those of max serve, in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: 'maxserve_request_count_total',
    help: 'Requests answered, by HTTP status and route',
    labelNames: ['code', 'path'],
    registers: [this.#registry],
  });
  readonly #images = new Counter({
    name: 'maxserve_media_items_total',
    help: 'Images resolved, by source',
    labelNames: ['media_kind', 'source'],
    registers: [this.#registry],
  });
  readonly #resolveTime = new Histogram({
    name: 'maxserve_media_resolve_time_milliseconds',
    help: 'Time to fetch and decode an image',
    buckets: TIME_BUCKETS_MS,
    registers: [this.#registry],
  });
  readonly #inputTime = new Histogram({
    name: 'maxserve_input_processing_time_milliseconds',
    help: 'Time to read a request, fetch and decode its images, and make its prompt, without waiting for its turn',
    buckets: TIME_BUCKETS_MS,
    registers: [this.#registry],
  });
  readonly #rejections = new Counter({
    name: 'maxserve_media_rejections_total',
    help: 'Requests rejected because of an image, by reason',
    labelNames: ['reason'],
    registers: [this.#registry],
  });

  constructor() {
    for (const reason of mediaRejections) this.#rejections.inc({ reason }, 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  countImage({ source, resolveMs }: ResolvedImage): void {
    this.#images.inc({ media_kind: 'image', source });
    this.#resolveTime.observe(resolveMs);
  }

  /** Counts a request whose prompt is made: what comes next is the model's work. */
  countInput(processingMs: number): void {
    this.#inputTime.observe(processingMs);
  }

  /** Counts a response that has started, and the reason if it is an error. `path` is the name of a route. */
  countRequest(code: number, path: string, error: unknown): void {
    this.#requests.inc({ code, path });
    if (isCodedError(error) && isMediaRejection(error.code)) this.#rejections.inc({ reason: error.code });
  }

  /** All metrics in the format of a scrape. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function isMediaRejection(code: string): code is MediaRejection {
  return (mediaRejections as readonly string[]).includes(code);
}
