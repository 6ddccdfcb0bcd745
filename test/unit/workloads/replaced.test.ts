// Pods that are missing through no fault of their version.
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../src/api/kubernetes.ts';
import { replaced } from '../../../src/workloads/replaced.ts';

const STARTED = '2026-03-01T10:00:02Z';

function pod(
  ready: { readonly status: string; readonly since: string },
  more: Partial<Pod['metadata']> = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', ...more },
    status: {
      conditions: [{ type: 'Ready', status: ready.status, lastTransitionTime: ready.since }],
      containerStatuses: [
        { name: 'main', restartCount: 0, state: { running: { startedAt: STARTED } } },
      ],
    },
  };
}

const READY = pod({ status: 'True', since: '2026-03-01T10:00:09Z' });
const NEW = pod({ status: 'False', since: '2026-03-01T10:00:01Z' });
const FROZEN = pod({ status: 'False', since: '2026-03-01T10:05:00Z' });

describe('missing pods', () => {
  test('are nobody’s fault while they are new and still start', () => {
    expect(replaced([READY, NEW])).toBe(true);
  });

  test('are nobody’s fault while they leave', () => {
    const leaving = pod(
      { status: 'False', since: '2026-03-01T10:05:00Z' },
      { deletionTimestamp: STARTED },
    );
    expect(replaced([leaving, NEW])).toBe(true);
  });

  test('are the version’s fault when one was ready and is no longer', () => {
    expect(replaced([NEW, FROZEN])).toBe(false);
  });

  test('are nobody’s fault when there is none left at all', () => {
    expect(replaced([])).toBe(true);
  });
});
