{{- /* Just the verbs that the operator uses, on the kinds that it works with in the namespaces of Canaries. */ -}}
{{- define "serin.operatorRules" -}}
- apiGroups: [serin.dev]
  resources: [canaries]
  verbs: [list, watch, patch]
- apiGroups: [serin.dev]
  resources: [canaries/status]
  verbs: [update]
- apiGroups: [serin.dev]
  resources: [metrictemplates]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [update]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- $tracked := include "serin.configTracking" . }}
{{- if ne $tracked "false" }}
- apiGroups: [""]
  resources: [configmaps{{ if eq $tracked "true" }}, secrets{{ end }}]
  verbs: [list, watch, get, create, patch, delete]
{{- end }}
{{- if .Values.routers.gatewayApi }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [list, watch, create, patch]
{{- end }}
{{- if .Values.routers.nginx }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch, create, patch, delete]
{{- end }}
{{- if .Values.exec.enabled }}
- apiGroups: [""]
  resources: [pods/exec]
  verbs: [create, get]
{{- end }}
{{- end -}}

{{- define "serin.uninstallRules" -}}
- apiGroups: [serin.dev]
  resources: [canaries]
  verbs: [list, watch, delete]
{{- end -}}

{{- /*
The rules in one ClusterRole, or in a Role of each of `namespaces`, with their bindings.
Takes: root, name, account, rules, annotations (may be empty).
*/ -}}
{{- define "serin.grant" -}}
{{- $grant := . -}}
{{- with .root -}}
{{- if .Values.namespaces }}
{{- range .Values.namespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- /* Another release may have this namespace too. */}}
  name: {{ printf "%s-%s" $.root.Release.Namespace $grant.name }}
  namespace: {{ . }}
  labels: {{- include "serin.labels" $.root | nindent 4 }}
  {{- with $grant.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
rules: {{- $grant.rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ printf "%s-%s" $.root.Release.Namespace $grant.name }}
  namespace: {{ . }}
  labels: {{- include "serin.labels" $.root | nindent 4 }}
  {{- with $grant.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ printf "%s-%s" $.root.Release.Namespace $grant.name }}
subjects:
  - kind: ServiceAccount
    name: {{ $grant.account }}
    namespace: {{ $.root.Release.Namespace }}
{{- end }}
{{- else }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ printf "%s-%s" .Release.Namespace $grant.name }}
  labels: {{- include "serin.labels" . | nindent 4 }}
  {{- with $grant.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
rules: {{- $grant.rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ printf "%s-%s" .Release.Namespace $grant.name }}
  labels: {{- include "serin.labels" . | nindent 4 }}
  {{- with $grant.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ printf "%s-%s" .Release.Namespace $grant.name }}
subjects:
  - kind: ServiceAccount
    name: {{ $grant.account }}
    namespace: {{ .Release.Namespace }}
{{- end }}
{{- end }}
{{- end -}}
