{{- /* The name of everything that this release makes. */ -}}
{{- define "bonafide.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- /* The services, as `key: program`. */ -}}
{{- define "bonafide.programs" -}}
session: session-svc
document: doc-check-svc
selfie: selfie-svc
report: report-svc
{{- end }}

{{- /* Called with (list root program). */ -}}
{{- define "bonafide.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end }}

{{- define "bonafide.labels" -}}
{{- $root := index . 0 -}}
{{ include "bonafide.selector" . }}
app.kubernetes.io/part-of: bonafide
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{- define "bonafide.secretName" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-keys" (include "bonafide.name" .)) }}
{{- end }}

{{- /* The Secret of a service's certificate: called with (list root key). */ -}}
{{- define "bonafide.tlsSecret" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- if eq $root.Values.tls.mode "cert-manager" -}}
{{ include "bonafide.name" $root }}-{{ index (include "bonafide.programs" $root | fromYaml) $key }}-tls
{{- else -}}
{{ required (printf "tls.secrets.%s names the Secret of its certificate" $key) (index $root.Values.tls.secrets $key) }}
{{- end -}}
{{- end }}

{{- /* The Secret of the certificate that callers of session-svc see, where it is one of its own; else nothing. */ -}}
{{- define "bonafide.publicTlsSecret" -}}
{{- $public := .Values.tls.public -}}
{{- if and $public.issuerRef.name $public.secretName }}
{{- fail "tls.public has an issuer or the name of a Secret, not both" }}
{{- else if and $public.issuerRef.name (ne .Values.tls.mode "cert-manager") }}
{{- fail "tls.public.issuerRef needs tls.mode=cert-manager" }}
{{- else if and $public.secretName (eq .Values.tls.mode "none") }}
{{- fail "tls.public.secretName needs tls.mode=secrets or cert-manager" }}
{{- else if and (or $public.issuerRef.name $public.secretName) (not .Values.tls.publicNames) }}
{{- fail "tls.publicNames are the names in the certificate of tls.public" }}
{{- end -}}
{{ $public.secretName | default ($public.issuerRef.name | empty | ternary "" (printf "%s-public-tls" (include "bonafide.name" .))) }}
{{- end }}

{{- define "bonafide.priorityClass" -}}
{{ .Release.Namespace }}-{{ include "bonafide.name" . }}
{{- end }}

{{- /* Left to whoever scales: called with (list root key settings). */ -}}
{{- define "bonafide.isScaled" -}}
{{- $root := index . 0 -}}
{{- if or (index . 2).autoscaling.enabled (and (eq (index . 1) "session") $root.Values.keda.enabled) }}true{{ end }}
{{- end }}
