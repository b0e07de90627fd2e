import { describe, expect, it } from 'vitest';
import { metricsPortOf } from '../../src/cli/metrics-port.ts';
import { VserveError } from '../../src/errors/index.ts';
import { loadSettings } from '../../src/settings/index.ts';

const names = ['host', 'port', 'metricsEndpointPort'] as const;

/** What becomes of the flags where the port `busy` is taken. */
async function portFor(flags: Readonly<Record<string, string>>, busy = 0, environment = {}) {
  const warnings: string[] = [];
  const loaded = await loadSettings(names, { flags, environment, folder: '/nowhere' });
  const check = async (_hosts: readonly string[], port: number): Promise<void> => {
    if (port === busy) throw new VserveError('port_in_use', 'It is taken.');
  };
  const port = await metricsPortOf(loaded, check, (_level, message) => warnings.push(message));
  return { port, warnings };
}

describe('the port of the metrics', () => {
  it('is 8001, or what is asked for', async () => {
    expect(await portFor({})).toEqual({ port: 8001, warnings: [] });
    expect(await portFor({ 'metrics-endpoint-port': '9' })).toEqual({ port: 9, warnings: [] });
    expect(await portFor({}, 0, { MAX_SERVE_METRICS_ENDPOINT_PORT: '7' })).toEqual({ port: 7, warnings: [] });
    expect(await portFor({ 'metrics-endpoint-port': 'off' }, 8001)).toEqual({ port: undefined, warnings: [] });
  });

  it('is done without, aloud, where the default is taken', async () => {
    for (const { port, warnings } of [await portFor({}, 8001), await portFor({ port: '8001' })]) {
      expect(port).toBeUndefined();
      expect(warnings).toEqual([expect.stringContaining('port 8001 is taken')]);
    }
  });

  it('is an error where the one asked for is taken', async () => {
    const code = { code: 'port_in_use' };
    await expect(portFor({ 'metrics-endpoint-port': '8001' }, 8001)).rejects.toMatchObject(code);
    await expect(portFor({ 'metrics-endpoint-port': '9', port: '9' })).rejects.toMatchObject(code);
  });

  it.each(['-1', '65536', 'on', 'x'])('is not %s', async (value) => {
    await expect(portFor({ 'metrics-endpoint-port': value })).rejects.toMatchObject({ code: 'invalid_setting' });
  });
});
