{{- define "speechd.name" -}}
{{- printf "%s" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "speechd.selector" -}}
app.kubernetes.io/name: speechd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "speechd.labels" -}}
{{ include "speechd.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* What cannot work is refused before it is installed. */}}
{{- define "speechd.check" -}}
{{- if not (or .Values.apiKeySecret .Values.allowAnonymous) -}}
{{- fail "Set apiKeySecret to a secret that has api-key, or allowAnonymous=true if everybody in the cluster may call." -}}
{{- end -}}
{{- if or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled -}}
{{- if not .Values.databaseSecret -}}
{{- fail "Several replicas need PostgreSQL: set databaseSecret to a secret that has database-url." -}}
{{- end -}}
{{- if and (not .Values.persistence.existingClaim) (ne .Values.persistence.accessMode "ReadWriteMany") -}}
{{- fail "Several replicas need persistence.accessMode=ReadWriteMany, or a persistence.existingClaim that has it." -}}
{{- end -}}
{{- end -}}
{{- end -}}
