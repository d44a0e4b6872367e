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
{{- include "proxy.secretNamesApart" . | trim -}}
{{- end -}}

{{/* The same with a blank behind each. */}}
{{- define "proxy.secretNamesApart" -}}
{{- if .Values.clients.key }}CLIENT_ACCESS_KEY CLIENT_SECRET_KEY {{ if .Values.clients.oldSecret }}CLIENT_SECRET_KEY_OLD {{ end }}{{ end -}}
{{- if and .Values.stickyUploads .Values.origins.backup.endpoint }}UPLOAD_KEY {{ end -}}
{{- if not (has "primary" .Values.credentials.origins) }}PRIMARY_ACCESS_KEY PRIMARY_SECRET_KEY {{ end -}}
{{- if and .Values.origins.backup.endpoint (not (has "backup" .Values.credentials.origins)) }}BACKUP_ACCESS_KEY BACKUP_SECRET_KEY{{ end -}}
{{- end -}}

{{/* A container that gets the temporary key of an origin: once, or for ever. */}}
{{- define "proxy.credentials" -}}
{{- $image := .root.Values.credentials.image -}}
- name: {{ .name }}
  image: "{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}"
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [{{ if .once }}--once, {{ end }}/run/s3-credentials/{{ .origin }}.json]
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
  {{- with .root.Values.credentials.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml .root.Values.credentials.resources | nindent 4 }}
  volumeMounts:
    - name: credentials
      mountPath: /run/s3-credentials
{{- end -}}
