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

{{- /* Where a service's pods are, each of them: called with (list root program). */ -}}
{{- define "bonafide.address" -}}
{{- $root := index . 0 -}}
{{ if $root.Values.tls.enabled }}https{{ else }}http{{ end }}://{{ include "bonafide.name" $root }}-{{ index . 1 }}-pods.{{ $root.Release.Namespace }}.svc:50051
{{- end }}

{{- define "bonafide.secretName" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-keys" (include "bonafide.name" .)) }}
{{- end }}

{{- /* The Secret with the certificate of a service: called with (list root key program). */ -}}
{{- define "bonafide.certificate" -}}
{{- $root := index . 0 -}}
{{ index $root.Values.tls.secrets (index . 1) | default (printf "%s-%s-tls" (include "bonafide.name" $root) (index . 2)) }}
{{- end }}

{{- define "bonafide.fromSecret" -}}
valueFrom:
  secretKeyRef:
    name: {{ index . 0 }}
    key: {{ index . 1 }}
{{- end }}

{{- define "bonafide.replicas" -}}
{{- /* Left to whoever scales: called with (list root key settings). */ -}}
{{- $root := index . 0 -}}
{{- $keda := and (eq (index . 1) "session") $root.Values.keda.enabled -}}
{{- if not (or (index . 2).autoscaling.enabled $keda) }}
replicas: {{ (index . 2).replicas }}
{{- end }}
{{- end }}

{{- /* Environment of one service: called with (list root key). */ -}}
{{- define "bonafide.env" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $values := $root.Values -}}
{{- $secret := include "bonafide.secretName" $root -}}
- name: BONAFIDE_LISTEN
  value: 0.0.0.0:50051
- name: BONAFIDE_ADMIN_LISTEN
  value: 0.0.0.0:9464
- name: BONAFIDE_SERVICE_TOKEN
  {{- include "bonafide.fromSecret" (list $secret "service-token") | nindent 2 }}
{{- if $values.tls.enabled }}
- name: BONAFIDE_TLS_CERT
  value: /tls/tls.crt
- name: BONAFIDE_TLS_KEY
  value: /tls/tls.key
- name: BONAFIDE_TLS_CA
  value: /tls/ca.crt
{{- else }}
- name: BONAFIDE_ALLOW_PLAINTEXT
  value: "true"
{{- end }}
- name: BONAFIDE_LOG
  value: {{ $values.telemetry.log | quote }}
- name: BONAFIDE_LAME_DUCK
  value: {{ printf "%ds" (int $values.lameDuckSeconds) }}
- name: BONAFIDE_DRAIN_TIMEOUT
  value: {{ printf "%ds" (int $values.drainSeconds) }}
{{- with $values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- if eq $key "session" }}
- name: BONAFIDE_API_KEYS
  {{- include "bonafide.fromSecret" (list $secret "api-keys") | nindent 2 }}
- name: BONAFIDE_CLIENT_SECRET_KEY
  {{- include "bonafide.fromSecret" (list $secret "client-secret-key") | nindent 2 }}
- name: BONAFIDE_REPORT_ADDRESS
  value: {{ include "bonafide.address" (list $root "report-svc") }}
- name: BONAFIDE_DOCUMENT_ADDRESS
  value: {{ include "bonafide.address" (list $root "doc-check-svc") }}
- name: BONAFIDE_SELFIE_ADDRESS
  value: {{ include "bonafide.address" (list $root "selfie-svc") }}
{{- with $values.documents.allowedCountries }}
- name: BONAFIDE_ALLOWED_COUNTRIES
  value: {{ join "," . | quote }}
{{- end }}
- name: BONAFIDE_LEAST_AGE
  value: {{ $values.documents.leastAge | quote }}
- name: BONAFIDE_EXPIRY_GRACE_DAYS
  value: {{ $values.documents.expiryGraceDays | quote }}
{{- if $values.documents.allowSpecimens }}
- name: BONAFIDE_ALLOW_SPECIMENS
  value: "true"
{{- end }}
{{- end }}
{{- if eq $key "report" }}
- name: BONAFIDE_MASTER_KEYS
  {{- include "bonafide.fromSecret" (list $secret "master-keys") | nindent 2 }}
- name: BONAFIDE_REDIS_URL
{{- if eq $values.redis.mode "bundled" }}
  value: redis://{{ include "bonafide.name" $root }}-redis.{{ $root.Release.Namespace }}.svc:6379
{{- else }}
  {{- include "bonafide.fromSecret" (list (required "redis.external.secretName names the Secret with Redis's address" $values.redis.external.secretName) $values.redis.external.key) | nindent 2 }}
{{- with $values.redis.external.allow }}
- name: BONAFIDE_REDIS_ALLOW
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- if eq $values.evidence.mode "s3" }}
{{- $s3 := $values.evidence.s3 }}
- name: BONAFIDE_EVIDENCE
  value: s3://{{ required "evidence.s3.bucket names the bucket of the pictures" $s3.bucket }}{{ with $s3.prefix }}/{{ . }}{{ end }}
{{- with $s3.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with $s3.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- if $s3.allowHttp }}
- name: AWS_ALLOW_HTTP
  value: "true"
{{- end }}
{{- with $s3.credentialsSecret }}
- name: AWS_ACCESS_KEY_ID
  {{- include "bonafide.fromSecret" (list . "access-key-id") | nindent 2 }}
- name: AWS_SECRET_ACCESS_KEY
  {{- include "bonafide.fromSecret" (list . "secret-access-key") | nindent 2 }}
{{- end }}
{{- else }}
- name: BONAFIDE_DATA
  value: /data
{{- end }}
{{- end }}
{{- if dig "gpu" "enabled" false (index $values.services $key) }}
- name: BONAFIDE_DEVICE
  value: cuda
{{- end }}
{{- range $name, $value := (index $values.services $key).env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
