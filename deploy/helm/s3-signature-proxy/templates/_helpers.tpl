{{- define "proxy.name" -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "proxy.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of the pod of `helm test`, which is none of the service's. */}}
{{- define "proxy.testSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "proxy.labels" -}}
{{ include "proxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "proxy.secret" -}}
{{- .Values.existingSecret | default (include "proxy.name" .) -}}
{{- end -}}

{{/* Names of the secrets that are needed. */}}
{{- define "proxy.secretNames" -}}
{{- if .Values.clients.key }}CLIENT_ACCESS_KEY CLIENT_SECRET_KEY {{ if .Values.clients.oldSecret }}CLIENT_SECRET_KEY_OLD {{ end }}{{ end -}}
PRIMARY_ACCESS_KEY PRIMARY_SECRET_KEY
{{- if .Values.origins.backup.endpoint }} BACKUP_ACCESS_KEY BACKUP_SECRET_KEY{{ end -}}
{{- end -}}
