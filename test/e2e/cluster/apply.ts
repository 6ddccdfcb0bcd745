// Puts manifests into a test cluster as `kubectl apply --server-side` does.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type { Api } from './api.ts';
import { until } from './until.ts';

interface CustomResourceDefinition extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface Discovery {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

/** The objects of a YAML text; empty documents are left out. */
export function parseManifests(text: string): readonly KubeObject[] {
  return parseAllDocuments(text, { strict: false })
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

/** Where an object lives, by discovery. `namespace` counts for namespaced objects that name none. */
export async function pathOf(api: Api, object: KubeObject, namespace = 'default'): Promise<string> {
  const { apiVersion, kind, metadata } = object;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await api.get<Discovery>(root);
  const resource = resources.find((one) => one.kind === kind && !one.name.includes('/'));
  if (resource === undefined) throw new Error(`${apiVersion} has no ${kind}`);
  const place = resource.namespaced ? `/namespaces/${metadata.namespace ?? namespace}` : '';
  return `${root}${place}/${resource.name}/${metadata.name}`;
}

export async function apply(api: Api, object: KubeObject, namespace?: string): Promise<KubeObject> {
  const path = await pathOf(api, object, namespace);
  const contentType = 'application/apply-patch+yaml';
  return api.patch(`${path}?fieldManager=tests&force=true`, object, { contentType });
}

/** Applies the CRDs of these files and waits until they are served; other kinds in the files are left out. */
export async function applyCrds(api: Api, files: readonly string[]): Promise<void> {
  const crds = files
    .flatMap((file) => parseManifests(readFileSync(file, 'utf8')))
    .filter((object) => object.kind === 'CustomResourceDefinition');
  const root = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const contentType = 'application/apply-patch+yaml';
  await Promise.all(
    crds.map((crd) =>
      api.patch(`${root}/${crd.metadata.name}?fieldManager=tests&force=true`, crd, { contentType }),
    ),
  );
  await Promise.all(
    crds.map((crd) =>
      until(`${crd.metadata.name} to be served`, async () => {
        const { status } = await api.get<CustomResourceDefinition>(`${root}/${crd.metadata.name}`);
        return status?.conditions?.some(
          (one) => one.type === 'Established' && one.status === 'True',
        );
      }),
    ),
  );
}
