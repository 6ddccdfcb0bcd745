// What a kubelet would write into a pod's status at each stage of its life.
import type { Pod } from '../../../src/api/kubernetes.ts';
import type { Stage } from './behaviour.ts';

/** What one pod has behind it. */
export interface Past {
  readonly ip: string;
  readonly startedAt: string;
  readonly restarts: number;
  readonly ready: boolean;
  /** Since when it is ready, or not. */
  readonly readyChangedAt: string;
  readonly crashedAt: string | null;
}

export function newPast(ip: string, now: string): Past {
  return { ip, startedAt: now, restarts: 0, ready: false, readyChangedAt: now, crashedAt: null };
}

export function after(past: Past, stage: Stage, now: string): Past {
  const ready = stage.state === 'ready';
  const crashed = stage.state === 'crashed';
  return {
    ...past,
    ready,
    readyChangedAt: ready === past.ready ? past.readyChangedAt : now,
    restarts: past.restarts + (crashed ? 1 : 0),
    crashedAt: crashed ? now : past.crashedAt,
  };
}

/** For a strategic merge patch of the status subresource. */
export function statusOf(pod: Pod, stage: Stage, past: Past): object {
  const containers = (pod.spec?.['containers'] ?? []) as readonly { name: string; image: string }[];
  const condition = (type: string, ready: boolean, since: string) => ({
    type,
    status: ready ? 'True' : 'False',
    lastTransitionTime: since,
    reason: ready ? null : 'ContainersNotReady',
  });
  return {
    phase: stage.state === 'no-image' ? 'Pending' : 'Running',
    startTime: past.startedAt,
    hostIP: '127.0.0.1',
    podIP: past.ip,
    podIPs: [{ ip: past.ip }],
    conditions: [
      condition('PodScheduled', true, past.startedAt),
      condition('Initialized', true, past.startedAt),
      condition('ContainersReady', past.ready, past.readyChangedAt),
      condition('Ready', past.ready, past.readyChangedAt),
    ],
    containerStatuses: containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready: past.ready,
      started: stage.state === 'ready' || stage.state === 'running',
      restartCount: past.restarts,
      state: stateOf(stage, past),
      lastState: past.crashedAt === null ? {} : { terminated: terminated(past) },
    })),
  };
}

function stateOf(stage: Stage, past: Past): object {
  switch (stage.state) {
    case 'running':
    case 'ready':
      return { running: { startedAt: past.startedAt } };
    case 'crashed':
      return {
        waiting: { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' },
      };
    case 'no-image':
      return { waiting: { reason: 'ImagePullBackOff', message: 'back-off pulling image' } };
  }
}

function terminated(past: Past): object {
  const at = past.crashedAt;
  return { exitCode: 1, reason: 'Error', startedAt: past.startedAt, finishedAt: at };
}
