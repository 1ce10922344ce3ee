{{/* Labels that select a program's pods. Takes (dict "root" $ "program" "router"). */}}
{{- define "fairlead.selectorLabels" -}}
app.kubernetes.io/name: fairlead
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .program }}
{{- end }}

{{/* All labels of an object. */}}
{{- define "fairlead.labels" -}}
{{ include "fairlead.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "fairlead.image" -}}
{{- $repository := required "image.repository is empty: build the image (docs/install.md) and say where it is" .Values.image.repository -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What both programs' pods have in common: restricted Pod Security, placement, nothing else. */}}
{{- define "fairlead.podDefaults" -}}
{{- $values := index .root.Values .program -}}
serviceAccountName: {{ .root.Release.Name }}-{{ .program }}
automountServiceAccountToken: true
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "fairlead.selectorLabels" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* What both programs' containers have in common. */}}
{{- define "fairlead.containerDefaults" -}}
{{- $values := index .root.Values .program -}}
image: {{ include "fairlead.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
startupProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
  periodSeconds: 2
  timeoutSeconds: 2
resources:
  {{- toYaml $values.resources | nindent 2 }}
{{- end }}

{{/*
Environment of both programs, the user's own last. OTEL_RESOURCE_ATTRIBUTES says which pod a span is
from; when the user gives it, that one stands alone, since a name may occur only once.
*/}}
{{- define "fairlead.env" -}}
{{- $own := (index .root.Values .program).env -}}
{{- $given := list -}}
{{- range $own }}{{ $given = append $given .name }}{{ end -}}
- name: FAIRLEAD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: FAIRLEAD_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- if not (has "OTEL_RESOURCE_ATTRIBUTES" $given) }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: service.namespace=fairlead,service.instance.id=$(FAIRLEAD_POD_NAME),k8s.namespace.name=$(FAIRLEAD_NAMESPACE),k8s.pod.name=$(FAIRLEAD_POD_NAME)
{{- end }}
- name: FAIRLEAD_LOG_LEVEL
  value: {{ .root.Values.logLevel }}
{{- with .root.Values.watchNamespace }}
- name: FAIRLEAD_WATCH_NAMESPACE
  value: {{ . }}
{{- end }}
{{- with $own }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where the Secrets with API keys are. */}}
{{- define "fairlead.keyNamespace" -}}
{{ .Values.auth.namespace | default .Release.Namespace }}
{{- end }}

{{/* off, optional or required; a required key that nobody may read would lock everybody out. */}}
{{- define "fairlead.authMode" -}}
{{- if and .Values.auth.required (not .Values.auth.enabled) }}{{ fail "auth.required needs auth.enabled" }}{{ end -}}
{{ ternary (ternary "required" "optional" .Values.auth.required) "off" .Values.auth.enabled }}
{{- end }}

{{/* Base URL for OpenAI clients inside the cluster. */}}
{{- define "fairlead.baseUrl" -}}
{{- $port := int .Values.router.service.port -}}
http://{{ .Release.Name }}-router.{{ .Release.Namespace }}.svc{{ if ne $port 80 }}:{{ $port }}{{ end }}/v1
{{- end }}

{{/*
A role with its binding to a program's ServiceAccount: for the whole cluster, or for one namespace.
Takes (dict "root" $ "program" … "name" … "namespace" … "rules" …).
*/}}
{{- define "fairlead.grant" -}}
{{- $prefix := ternary "" "Cluster" (ne .namespace "") -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}Role
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "fairlead.labels" . | nindent 4 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}RoleBinding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "fairlead.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $prefix }}Role
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .root.Release.Name }}-{{ .program }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

{{/* The Service of the external metrics, and what belongs to it. */}}
{{- define "fairlead.externalMetrics.name" -}}
{{ .Release.Name }}-external-metrics
{{- end }}

{{/* Who may reach model pods, as JSON: Fairlead's own pods, and what the user adds. */}}
{{- define "fairlead.peers" -}}
{{- $here := dict "matchLabels" (dict "kubernetes.io/metadata.name" .Release.Namespace) -}}
{{- $pods := dict "matchLabels" (dict "app.kubernetes.io/name" "fairlead" "app.kubernetes.io/instance" .Release.Name) -}}
{{- $own := dict "namespaceSelector" $here "podSelector" $pods -}}
{{ concat (list $own) .Values.networkPolicy.from | toJson }}
{{- end }}
