{{- define "timd.name" -}}
{{- if contains "timd" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-timd" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "timd.selector" -}}
app.kubernetes.io/name: timd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "timd.labels" -}}
{{ include "timd.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
