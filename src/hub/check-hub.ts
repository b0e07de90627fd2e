import { request } from 'undici';
import { messageOf, systemErrorCode } from '../errors/index.ts';
import type { HubSettings } from './hub-settings.ts';
import { proxyAgent } from './proxy-agent.ts';

const TIMEOUT_MS = 10_000;

/** Whether the Hub answers, and whose the token is. */
export interface HubCheck {
  /** Why the Hub cannot be reached; undefined if it can. */
  readonly unreachable: string | undefined;
  /** The account of the token; undefined without one, or if it is not valid. */
  readonly account: string | undefined;
}

/** Asks the Hub for the account of the token, or without one for anything. Never throws. */
export async function checkHub(settings: HubSettings, userAgent: string, signal: AbortSignal): Promise<HubCheck> {
  const { endpoint, token, proxies } = settings;
  const agent = proxyAgent(proxies);
  try {
    const { statusCode, body } = await request(
      `${endpoint}/api/${token === undefined ? 'models?limit=1' : 'whoami-v2'}`,
      {
        headers: { 'user-agent': userAgent, ...(token && { authorization: `Bearer ${token.value}` }) },
        dispatcher: agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      },
    );
    const answer = (await body.json().catch(() => ({}))) as { readonly name?: unknown };
    if (statusCode >= 500) return { unreachable: `it answers with status ${String(statusCode)}`, account: undefined };
    const account = statusCode === 200 && typeof answer.name === 'string' ? answer.name : undefined;
    return { unreachable: undefined, account };
  } catch (error) {
    return { unreachable: systemErrorCode(error) ?? messageOf(error), account: undefined };
  } finally {
    await agent.destroy();
  }
}
