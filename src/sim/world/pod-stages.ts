// The stages that a pod's containers go through, by its behaviour, and the status that a kubelet writes at each.
import type { Pod } from '../../api/kubernetes.ts';
import type { Behaviour, Nature } from './nature.ts';

export interface Stage {
  readonly state: 'creating' | 'running' | 'ready' | 'ended' | 'backing-off' | 'no-image';
  readonly forMs: number;
}

/** May be endless. Stages without length are left out. */
export function* stagesOf(behaviour: Behaviour, nature: Nature): Iterable<Stage> {
  for (const stage of allStagesOf(behaviour, nature)) if (stage.forMs > 0) yield stage;
}

/** For a pod that is there already: one that is ready has no time to become so before it. */
export function* resumed(stages: Iterable<Stage>, from: Stage['state']): Iterable<Stage> {
  let starting = from === 'ready';
  for (const stage of stages) {
    if (!starting || stage.state !== 'running' || stage.forMs === Infinity) yield stage;
    starting = false;
  }
}

function* allStagesOf(behaviour: Behaviour, nature: Nature): Iterable<Stage> {
  switch (behaviour.kind) {
    case 'ready':
    case 'slow':
      yield { state: 'running', forMs: behaviour.afterMs ?? nature.podReadyMs };
      yield { state: 'ready', forMs: Infinity };
      return;
    case 'never-ready':
      yield { state: 'running', forMs: Infinity };
      return;
    case 'no-image':
      yield { state: 'no-image', forMs: Infinity };
      return;
    case 'flapping':
      for (;;) {
        yield { state: 'running', forMs: Math.max(1, behaviour.everyMs) };
        yield { state: 'ready', forMs: Math.max(1, behaviour.everyMs) };
      }
    case 'crash':
      yield* crashes(behaviour, nature);
  }
}

function* crashes(
  { afterMs, readyAfterMs }: Extract<Behaviour, { kind: 'crash' }>,
  { podReadyMs, restartMs, backOffMs, backOffMaxMs }: Nature,
): Iterable<Stage> {
  const lifeMs = Math.max(1, afterMs);
  const unreadyMs = Math.min(readyAfterMs ?? podReadyMs, lifeMs);
  yield { state: 'running', forMs: unreadyMs };
  yield { state: 'ready', forMs: lifeMs - unreadyMs };
  // The first restart follows at once, those after it are put off longer and longer.
  yield { state: 'ended', forMs: Math.max(1, restartMs) };
  for (let waitMs = Math.max(1, backOffMs); ; waitMs = Math.min(waitMs * 2, backOffMaxMs)) {
    yield { state: 'running', forMs: unreadyMs };
    yield { state: 'ready', forMs: lifeMs - unreadyMs };
    yield { state: 'backing-off', forMs: waitMs };
  }
}

/** What one pod has behind it; times as Kubernetes writes them. */
export interface Past {
  readonly ip: string;
  readonly hostIp: string;
  /** When the kubelet took the pod. */
  readonly takenAt: string;
  readonly state: Stage['state'];
  readonly startedAt: string;
  readonly restarts: number;
  /** Since when it is ready, or not. */
  readonly readyChangedAt: string;
  readonly lastEnd: { readonly startedAt: string; readonly finishedAt: string } | null;
}

export function newPast(now: string, { ip, hostIp }: Pick<Past, 'ip' | 'hostIp'>): Past {
  return {
    ip,
    hostIp,
    takenAt: now,
    state: 'creating',
    startedAt: now,
    restarts: 0,
    readyChangedAt: now,
    lastEnd: null,
  };
}

export function after(past: Past, { state }: Stage, now: string): Past {
  const was = past.state;
  const starts = runs(state) && !runs(was);
  const ends = (state === 'ended' || state === 'backing-off') && runs(was);
  const restarts = starts && (was === 'ended' || was === 'backing-off');
  return {
    ...past,
    state,
    startedAt: starts ? now : past.startedAt,
    restarts: past.restarts + (restarts ? 1 : 0),
    readyChangedAt: (state === 'ready') === (was === 'ready') ? past.readyChangedAt : now,
    lastEnd: ends ? { startedAt: past.startedAt, finishedAt: now } : past.lastEnd,
  };
}

function runs(state: Stage['state']): boolean {
  return state === 'running' || state === 'ready';
}

export function podStatus(pod: Pod, past: Past): Pod['status'] {
  const { state, ip, hostIp } = past;
  const ready = state === 'ready';
  const pulled = state !== 'creating' && state !== 'no-image';
  const containers = (pod.spec?.['containers'] ?? []) as readonly { name: string; image: string }[];
  const unready = { reason: 'ContainersNotReady', message: unreadyMessage(containers) };
  const condition = (type: string, is: boolean, lastTransitionTime: string) => ({
    type,
    status: is ? 'True' : 'False',
    lastTransitionTime,
    ...(is ? {} : unready),
  });
  const kept = (pod.status?.conditions ?? []).filter(({ type }) => type === 'DisruptionTarget');
  const status = {
    phase: pulled ? 'Running' : 'Pending',
    startTime: past.takenAt,
    hostIP: hostIp,
    ...(pulled && { podIP: ip, podIPs: [{ ip }] }),
    conditions: [
      condition('PodScheduled', true, past.takenAt),
      condition('Initialized', true, past.takenAt),
      condition('ContainersReady', ready, past.readyChangedAt),
      condition('Ready', ready, past.readyChangedAt),
      ...kept,
    ],
    containerStatuses: containers.map(({ name, image }) => ({
      name,
      image,
      imageID: pulled ? image : '',
      ready,
      started: runs(state),
      restartCount: past.restarts,
      state: stateOf(past),
      lastState: past.lastEnd === null || state === 'ended' ? {} : { terminated: ended(past) },
    })),
  };
  return status;
}

function unreadyMessage(containers: readonly { readonly name: string }[]): string {
  return `containers with unready status: [${containers.map(({ name }) => name).join(' ')}]`;
}

function stateOf(past: Past) {
  switch (past.state) {
    case 'creating':
      return { waiting: { reason: 'ContainerCreating' } };
    case 'running':
    case 'ready':
      return { running: { startedAt: past.startedAt } };
    case 'ended':
      return { terminated: ended(past) };
    case 'backing-off':
      return waiting('CrashLoopBackOff', 'back-off restarting failed container');
    case 'no-image':
      return waiting('ImagePullBackOff', 'Back-off pulling image');
  }
}

function waiting(reason: string, message: string) {
  return { waiting: { reason, message } };
}

function ended({ lastEnd }: Past) {
  return { exitCode: 1, reason: 'Error', ...lastEnd };
}
