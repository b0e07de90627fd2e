import { DecodeThread } from './decode-thread.ts';

/** Idle threads, and the images they cache, are dropped after this time; one always stays. */
const IDLE_MS = 30_000;
/** Samples remembered per thread. */
const MAX_KNOWN = 256;

/** The use of a thread for one image. */
export interface DecodeLease {
  readonly thread: DecodeThread;
  /** To be called when the thread is done with the image. */
  readonly end: () => void;
  /** To be called when the thread does not answer: another will take its place. */
  readonly replace: () => void;
}

interface Member {
  readonly thread: DecodeThread;
  /** Samples of the images it is decoding. */
  readonly current: string[];
  /** Samples of the images it has decoded, the most recent last. */
  readonly known: Set<string>;
  idleTimer: NodeJS.Timeout | undefined;
}

/** The decoding threads. A new one is started only while all others are busy. */
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
   * Picks a thread for an image: the one that is decoding the same image, else an idle one, preferably one that has it
   * cached, else a new one.
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
