{{- define "bonafide.fromSecret" -}}
valueFrom:
  secretKeyRef:
    name: {{ index . 0 }}
    key: {{ index . 1 }}
{{- end }}

{{- /* Where a service's pods are, each of them: called with (list root program). */ -}}
{{- define "bonafide.address" -}}
{{- $root := index . 0 -}}
http{{ if ne $root.Values.tls.mode "none" }}s{{ end }}://{{ include "bonafide.name" $root }}-{{ index . 1 }}-pods.{{ $root.Release.Namespace }}.svc:50051
{{- end }}

{{- /* Environment of a service: called with (list root key). */ -}}
{{- define "bonafide.environment" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $values := $root.Values -}}
{{- $settings := index $values.services $key -}}
- name: BONAFIDE_LISTEN
  value: 0.0.0.0:50051
- name: BONAFIDE_ADMIN_LISTEN
  value: 0.0.0.0:9464
- name: BONAFIDE_SERVICE_TOKEN
  {{- include "bonafide.fromSecret" (list (include "bonafide.secretName" $root) "service-token") | nindent 2 }}
{{- if eq $values.tls.mode "none" }}
- name: BONAFIDE_ALLOW_PLAINTEXT
  value: "true"
{{- else }}
{{- $public := and (eq $key "session") (include "bonafide.publicTlsSecret" $root) }}
- name: BONAFIDE_TLS_CERT
  value: {{ if $public }}/public-tls{{ else }}/tls{{ end }}/tls.crt
- name: BONAFIDE_TLS_KEY
  value: {{ if $public }}/public-tls{{ else }}/tls{{ end }}/tls.key
{{- if $public }}
- name: BONAFIDE_TLS_CLIENT_CERT
  value: /tls/tls.crt
- name: BONAFIDE_TLS_CLIENT_KEY
  value: /tls/tls.key
{{- end }}
- name: BONAFIDE_TLS_CA
  value: /tls/ca.crt
{{- end }}
- name: BONAFIDE_LAME_DUCK
  value: {{ printf "%ds" (int $values.lameDuckSeconds) }}
- name: BONAFIDE_DRAIN_TIMEOUT
  value: {{ printf "%ds" (int $values.drainSeconds) }}
- name: BONAFIDE_LOG
  value: {{ $values.telemetry.log | quote }}
{{- with $values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- if eq $key "session" }}
{{ include "bonafide.environment.session" $root }}
{{- else if eq $key "report" }}
{{ include "bonafide.environment.report" $root }}
{{- else if $settings.gpu.enabled }}
- name: BONAFIDE_DEVICE
  value: cuda:0
{{- end }}
{{- range $name, $value := $settings.env }}
- name: {{ $name }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}

{{- define "bonafide.environment.session" -}}
{{- $secret := include "bonafide.secretName" . -}}
- name: BONAFIDE_API_KEYS
  {{- include "bonafide.fromSecret" (list $secret "api-keys") | nindent 2 }}
- name: BONAFIDE_CLIENT_SECRET_KEY
  {{- include "bonafide.fromSecret" (list $secret "client-secret-key") | nindent 2 }}
- name: BONAFIDE_REPORT_ADDRESS
  value: {{ include "bonafide.address" (list . "report-svc") }}
- name: BONAFIDE_DOCUMENT_ADDRESS
  value: {{ include "bonafide.address" (list . "doc-check-svc") }}
- name: BONAFIDE_SELFIE_ADDRESS
  value: {{ include "bonafide.address" (list . "selfie-svc") }}
{{- with .Values.publicUrl | default (include "bonafide.gatewayUrl" .) }}
- name: BONAFIDE_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- if .Values.keepFaceCrops }}
- name: BONAFIDE_KEEP_FACE_CROPS
  value: "true"
{{- end }}
{{- with .Values.documents }}
{{- with .allowedCountries }}
- name: BONAFIDE_ALLOWED_COUNTRIES
  value: {{ join "," . | quote }}
{{- end }}
- name: BONAFIDE_LEAST_AGE
  value: {{ .leastAge | quote }}
- name: BONAFIDE_EXPIRY_GRACE_DAYS
  value: {{ .expiryGraceDays | quote }}
{{- if .allowSpecimens }}
- name: BONAFIDE_ALLOW_SPECIMENS
  value: "true"
{{- end }}
{{- if .allowWornZones }}
- name: BONAFIDE_ALLOW_WORN_ZONES
  value: "true"
{{- end }}
{{- end }}
{{- end }}

{{- /* Where the gateway answers browsers; a wildcard is no address. */}}
{{- define "bonafide.gatewayUrl" -}}
{{- with .Values.gateway }}
{{- if and .enabled .fileHostnames }}
{{- $host := first .fileHostnames }}
{{- if not (contains "*" $host) }}https://{{ $host }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "bonafide.environment.report" -}}
{{- $secret := include "bonafide.secretName" . -}}
- name: BONAFIDE_MASTER_KEYS
  {{- include "bonafide.fromSecret" (list $secret "master-keys") | nindent 2 }}
{{- if eq .Values.redis.mode "bundled" }}
- name: REDIS_PASSWORD
  {{- include "bonafide.fromSecret" (list $secret "redis-password") | nindent 2 }}
- name: BONAFIDE_REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ include "bonafide.name" . }}-redis.{{ .Release.Namespace }}.svc:6379
{{- else }}
{{- with .Values.redis.external }}
- name: BONAFIDE_REDIS_URL
  {{- include "bonafide.fromSecret" (list (required "redis.external.secretName names the Secret with Redis's address" .secretName) .key) | nindent 2 }}
{{- if .tls.caSecret }}
- name: BONAFIDE_REDIS_CA
  value: /redis-ca/ca.crt
{{- end }}
{{- if .tls.certificateSecret }}
- name: BONAFIDE_REDIS_CERT
  value: /redis-tls/tls.crt
- name: BONAFIDE_REDIS_KEY
  value: /redis-tls/tls.key
{{- end }}
{{- with .allow }}
- name: BONAFIDE_REDIS_ALLOW
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq .Values.evidence.mode "volume" }}
- name: BONAFIDE_DATA
  value: /data
{{- else }}
{{- with .Values.evidence.s3 }}
- name: BONAFIDE_EVIDENCE
  value: s3://{{ required "evidence.s3.bucket names the bucket of the pictures" .bucket }}{{ with .prefix }}/{{ . }}{{ end }}
{{- with .region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- if .allowHttp }}
- name: AWS_ALLOW_HTTP
  value: "true"
{{- end }}
{{- with .credentialsSecret }}
- name: AWS_ACCESS_KEY_ID
  {{- include "bonafide.fromSecret" (list . "access-key-id") | nindent 2 }}
- name: AWS_SECRET_ACCESS_KEY
  {{- include "bonafide.fromSecret" (list . "secret-access-key") | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
