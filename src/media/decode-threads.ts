import { DecodeThread } from './decode-thread.ts';

/** A thread that was needed once is ended after so long without work, and what it keeps with it; one always stays. */
const IDLE_MS = 30_000;
/** Samples of images that a thread is known to have decoded. */
const MAX_KNOWN = 256;

/** A thread of the pool that decodes an image. */
export interface DecodeLease {
  readonly thread: DecodeThread;
  /** The thread is done with the image. */
  readonly end: () => void;
  /** The thread does not answer: another takes its place. */
  readonly replace: () => void;
}

interface Member {
  readonly thread: DecodeThread;
  /** Samples of the images it works at. */
  readonly current: string[];
  /** Samples of the images it has decoded, the latest last. */
  readonly known: Set<string>;
  idleTimer: NodeJS.Timeout | undefined;
}

/** Threads for decoding, each made when all the others are at work. */
export class DecodeThreads {
  readonly #workerUrl: URL | undefined;
  readonly #idleMs: number;
  #members: readonly Member[] = [];

  constructor(workerUrl?: URL, idleMs = IDLE_MS) {
    this.#workerUrl = workerUrl;
    this.#idleMs = idleMs;
  }

  /** The number of threads. */
  get count(): number {
    return this.#members.length;
  }

  /**
   * A thread for an image: the one that decodes the same image now, else an idle one, if possible one that keeps the
   * image, else a new one.
   */
  take(sample: string): DecodeLease {
    this.#members = this.#members.filter(({ thread }) => !thread.hasEnded);
    const idle = this.#members.filter(({ current }) => current.length === 0);
    const member =
      this.#members.find(({ current }) => current.includes(sample)) ??
      idle.find(({ known }) => known.has(sample)) ??
      idle[0] ??
      this.#add();
    clearTimeout(member.idleTimer);
    member.current.push(sample);
    return {
      thread: member.thread,
      end: () => this.#end(member, sample),
      replace: () => {
        this.#remove(member);
        member.thread.retire();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ thread }) => thread.close()));
  }

  #add(): Member {
    const thread = new DecodeThread(this.#workerUrl);
    const member: Member = { thread, current: [], known: new Set(), idleTimer: undefined };
    this.#members = [...this.#members, member];
    return member;
  }

  #end(member: Member, sample: string): void {
    member.current.splice(member.current.indexOf(sample), 1);
    member.known.delete(sample);
    member.known.add(sample);
    const [oldest] = member.known;
    if (member.known.size > MAX_KNOWN && oldest !== undefined) member.known.delete(oldest);
    if (member.current.length > 0) return;
    member.idleTimer = setTimeout(() => this.#endIdle(member), this.#idleMs).unref();
  }

  #endIdle(member: Member): void {
    if (this.#members.length === 1 || !this.#members.includes(member)) return;
    this.#remove(member);
    member.thread.retire();
  }

  #remove(member: Member): void {
    this.#members = this.#members.filter((other) => other !== member);
  }
}
