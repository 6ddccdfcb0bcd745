// What the rest of Serin sees of a cluster. `http-client.ts` is the real one; a model cluster may stand in its place.
import type { KubeObject } from '../api/kubernetes.ts';

/** A kind as the API server addresses it. Group is empty for the core group. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface ObjectKey {
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly name: string;
}

export interface CallOptions {
  /** Ends the call; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Longest time for the whole call, retries included. Default 30 s. */
  readonly deadlineMs?: number;
}

export interface GetOptions extends CallOptions {
  /** Not older than this resourceVersion; absent = the most recent. */
  readonly minResourceVersion?: string;
}

export interface ListOptions extends CallOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact';
  /** Objects a page. */
  readonly limit?: number;
  readonly continue?: string;
  /** Ask for PartialObjectMetadata instead of whole objects. */
  readonly metadataOnly?: boolean;
}

export interface ObjectList {
  readonly resourceVersion: string;
  /** Token of the next page; empty on the last. */
  readonly continue: string;
  /** Each with apiVersion and kind filled in. */
  readonly items: readonly KubeObject[];
}

export interface WatchOptions extends CallOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'NotOlderThan';
  readonly sendInitialEvents?: boolean;
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number;
  /** Ends the watch with a `transient` error when no byte, bookmarks included, came for this long. Default 90 s. */
  readonly idleMs?: number;
  /**
   * Where given, a watch that the server has had nothing to tell on outlives `idleMs` for as long as its connection
   * answers pings: kinds of which nothing was written since the server's start get no bookmarks. Called at each such time.
   */
  readonly onAlive?: () => void;
  readonly metadataOnly?: boolean;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly status: KubeStatus };

/** `metav1.Status`, as far as it is read. */
export interface KubeStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds: number | null;
  readonly causes: readonly {
    readonly reason: string;
    readonly field: string;
    readonly message: string;
  }[];
}

export type Patch =
  | { readonly type: 'json'; readonly operations: readonly JsonPatchOperation[] }
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'strategic'; readonly body: unknown }
  | { readonly type: 'apply'; readonly body: unknown; readonly force?: boolean };

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy';
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

export interface WriteOptions extends CallOptions {
  /** Default `serin`. */
  readonly fieldManager?: string;
  readonly subresource?: 'status' | 'scale';
  readonly dryRun?: boolean;
}

export interface DeleteOptions extends CallOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Default Background. */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface Scale {
  readonly resourceVersion: string;
  readonly replicas: number;
}

export interface ExecOptions extends CallOptions {
  /** Program and arguments; no shell is put around them. */
  readonly command: readonly string[];
  /** Default: the API server's choice, which refuses a pod of several. */
  readonly container?: string;
  /** Given to the command, and then its end. Absent = it has no stdin. At most 1 MiB. */
  readonly stdin?: Uint8Array;
  /** A terminal of this size. What the command writes to stderr comes with stdout then. */
  readonly tty?: { readonly columns: number; readonly rows: number };
  /** Kept of stdout, and of stderr; what goes beyond is read and dropped. Default 64 KiB. */
  readonly outputBytesMax?: number;
}

/** What came of a command. The output may hold secrets: it belongs into no log, Event or status. */
export type ExecOutcome = ExecOutput &
  (
    | { readonly kind: 'exited'; readonly exitCode: number }
    /** It ran at the deadline, over a connection that was alive. Nobody ends it: it may run on in the container. */
    | { readonly kind: 'unfinished' }
  );

export interface ExecOutput {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Something was dropped. */
  readonly truncated: boolean;
}

/** One cluster. Every method throws only ApiError (errors.ts) or the signal's reason. */
export interface Client {
  get(resource: Resource, key: ObjectKey, options: GetOptions): Promise<KubeObject>;
  list(resource: Resource, options: ListOptions): Promise<ObjectList>;
  /** Ends without an error when the server ends the watch. */
  watch(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent>;
  create(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject>;
  /** PUT; the object's resourceVersion is the precondition. */
  update(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject>;
  updateStatus(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject>;
  patch(
    resource: Resource,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions,
  ): Promise<KubeObject>;
  delete(resource: Resource, key: ObjectKey, options: DeleteOptions): Promise<void>;
  deleteCollection(resource: Resource, options: ListOptions): Promise<void>;
  getScale(resource: Resource, key: ObjectKey, options: GetOptions): Promise<Scale>;
  /** Sets replicas if the object still has the given resourceVersion, else throws `conflict`. */
  updateScale(
    resource: Resource,
    key: ObjectKey,
    scale: Scale,
    options: WriteOptions,
  ): Promise<Scale>;
  /** Runs a command in a container of a pod. A command that could not be started, or whose exit is unknown, throws. */
  exec(pod: ObjectKey, options: ExecOptions): Promise<ExecOutcome>;
  /** The resource that serves a kind, from discovery (cached, refreshed on a miss); null = not served. */
  resourceFor(apiVersion: string, kind: string, options: CallOptions): Promise<Resource | null>;
  /** Server version, e.g. `v1.36.3`. */
  serverVersion(options: CallOptions): Promise<string>;
}
