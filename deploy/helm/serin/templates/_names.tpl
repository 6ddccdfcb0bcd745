{{- define "serin.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "serin.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "serin.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Names of what is not in a namespace say the release's, so that two releases do not collide. */ -}}
{{- define "serin.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "serin.fullname" .) | trunc 100 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.selectorLabels" -}}
app.kubernetes.io/name: {{ include "serin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "serin.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "serin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: serin
{{- end -}}

{{- define "serin.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "serin.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "serin.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The restricted pod security standard, and no writable root. */ -}}
{{- define "serin.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "serin.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* What `--enable-config-tracking` is told: Secrets only where there are rights to read them. */ -}}
{{- define "serin.configTracking" -}}
{{- $secrets := .Values.configTracking.secrets -}}
{{- if not .Values.configTracking.enabled -}}
false
{{- else if or (eq $secrets "clusterWide") (and (eq $secrets "namespaced") .Values.namespaces) -}}
true
{{- else -}}
configmaps
{{- end -}}
{{- end -}}

{{- /* What the schema cannot say. */ -}}
{{- define "serin.check" -}}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicaCount) 1) -}}
{{- fail "without leaderElection.enabled only one replica may run: set replicaCount to 1" -}}
{{- end -}}
{{- if and (eq .Values.meshProvider "nginx") (not .Values.routers.nginx) -}}
{{- fail "meshProvider nginx needs routers.nginx" -}}
{{- end -}}
{{- end -}}
