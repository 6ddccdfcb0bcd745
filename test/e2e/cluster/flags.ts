// How the control plane of the tests is started: quick to answer, nothing kept safe, nothing outside loopback.

export interface Ports {
  readonly api: number;
  readonly client: number;
  readonly peer: number;
}

/** Counts the requests of the operator and of plain users, not those of the cluster and of the tests. */
export const AUDIT_POLICY = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    { level: 'None', users: ['admin', 'system:kube-controller-manager', 'system:apiserver'] },
    { level: 'Metadata' },
  ],
});

export function etcd(dir: string, { client, peer }: Ports): readonly string[] {
  const clients = `http://127.0.0.1:${client}`;
  const peers = `http://127.0.0.1:${peer}`;
  return [
    `--data-dir=${dir}/etcd`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiserver(dir: string, { api, client }: Ports): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${client}`,
    `--secure-port=${api}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--cert-dir=${dir}/certs`,
    `--token-auth-file=${dir}/tokens.csv`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${dir}/accounts.key`,
    `--service-account-key-file=${dir}/accounts.key`,
    '--service-cluster-ip-range=198.19.0.0/16',
    '--endpoint-reconciler-type=none',
    // Pods need no tokens here, and need not wait for a new namespace's default account.
    '--disable-admission-plugins=ServiceAccount',
    `--audit-policy-file=${dir}/audit.yaml`,
    `--audit-log-path=${dir}/audit.log`,
    '--shutdown-delay-duration=0s',
  ];
}

export function controllerManager(dir: string): readonly string[] {
  return [
    `--kubeconfig=${dir}/kcm.kubeconfig`,
    `--service-account-private-key-file=${dir}/accounts.key`,
    `--root-ca-file=${dir}/certs/apiserver.crt`,
    '--use-service-account-credentials=false',
    '--leader-elect=false',
    '--secure-port=0',
    // The nodes are a stand-in's (kubelet.ts): nobody else may judge them.
    '--controllers=*,-nodeipam,-node-lifecycle-controller,-taint-eviction-controller',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--concurrent-deployment-syncs=20',
    '--concurrent-replicaset-syncs=20',
    '--horizontal-pod-autoscaler-sync-period=1s',
    '--horizontal-pod-autoscaler-initial-readiness-delay=1s',
  ];
}
