// Copies of ConfigMaps and Secrets for the primary, made of just the content that the revision was made of.
import { OWNED_BY } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { RESOURCES } from '../client/resources.ts';
import { copyNameOf, copyOf } from '../workloads/configs.ts';
import { type Hand, movedOn } from './hand.ts';
import { COPY_DIGEST, entryOf } from './config-book.ts';
import { abandoned, ownedBy, ownersOf } from './ownership.ts';
import type { Scene } from './scene.ts';

/** Throws a conflict when a config is no longer what the World says. */
export async function applyConfigs(hand: Hand, scene: Scene): Promise<void> {
  const { book, includePrefixes } = hand.parts;
  const { namespace } = scene.parsed.identity;
  for (const { ref, digest } of scene.configs) {
    const name = copyNameOf(ref.name);
    const copy = book.metadata({ kind: ref.kind, name }, namespace);
    const known =
      copy === undefined
        ? null
        : await book.entry({ kind: ref.kind, name }, namespace, null, hand.signal);
    if (known?.digest === digest) continue;
    if (copy !== undefined && !mayWrite(hand, scene, copy)) throw foreignCopy(ref.kind, name);
    const config = await book.read(ref, namespace, hand.signal);
    if (config === null || entryOf(config).digest !== digest)
      throw movedOn(`copy ${ref.kind} ${namespace}/${ref.name}`);
    const made = copyOf(config, name, includePrefixes);
    const { identity } = scene.parsed;
    const owners = ownersOf(identity, scene.target);
    const shared = (copy?.metadata.ownerReferences ?? []).some(
      (owner) => owner.kind === 'Canary' && owner.uid !== identity.uid,
    );
    const wanted: KubeObject = {
      ...made,
      metadata: {
        ...made.metadata,
        annotations: { [COPY_DIGEST]: digest, ...(shared ? {} : { [OWNED_BY]: identity.uid }) },
        // One object has one controller: who comes second to a shared copy is a plain owner.
        ownerReferences: owners.map((owner) => (shared ? { ...owner, controller: false } : owner)),
      },
    };
    const written = await hand.apply(
      ref.kind === 'Secret' ? RESOURCES.secrets : RESOURCES.configMaps,
      wanted,
    );
    book.wrote(ref, written, digest);
  }
}

function mayWrite(hand: Hand, scene: Scene, copy: KubeObject): boolean {
  if (ownedBy(copy, scene.parsed.identity)) return true;
  const ours = copy.metadata.annotations?.[COPY_DIGEST] !== undefined;
  const shared = (copy.metadata.ownerReferences ?? []).some((owner) => owner.kind === 'Canary');
  return ours && (shared || abandoned(copy, hand.parts.view.canaries.store));
}

function foreignCopy(kind: string, name: string): Error {
  return new Error(
    `${kind} ${name} is needed as a copy for the primary and belongs to somebody else`,
  );
}
