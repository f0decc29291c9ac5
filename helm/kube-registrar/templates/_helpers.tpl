{{- define "kube-registrar.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* At most 52 characters: the longest suffix, "-templates", still fits into a name. */}}
{{- define "kube-registrar.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "kube-registrar.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "kube-registrar.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kube-registrar.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* Name of what lives outside namespaces: two releases of one name in two namespaces must not meet. */}}
{{- define "kube-registrar.clusterName" -}}
{{- $name := include "kube-registrar.fullname" . }}
{{- $namespace := include "kube-registrar.namespace" . }}
{{- if eq $name $namespace }}{{ $name }}{{ else }}{{ printf "%s-%s" $name $namespace | trunc 200 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Never to be changed: a Deployment's selector is immutable. */}}
{{- define "kube-registrar.selector" -}}
app.kubernetes.io/name: {{ include "kube-registrar.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kube-registrar.labels" -}}
{{ include "kube-registrar.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: kube-registrar
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kube-registrar.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kube-registrar.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the ServiceAccount, or set serviceAccount.create to true" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kube-registrar.image" -}}
{{- $repository := .Values.image.repository }}
{{- with .Values.image.registry }}
{{- $repository = printf "%s/%s" . $repository }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Secrets for the registry, as in a pod; each may be given by its name alone. */}}
{{- define "kube-registrar.pullSecrets" -}}
{{- range concat (.Values.imagePullSecrets | default list) (.Values.image.pullSecrets | default list) }}
- name: {{ kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name") }}
{{- end }}
{{- end }}

{{/* `consulCredentials`, and what stands under its name before chart 0.2.0, `consul`. */}}
{{- define "kube-registrar.credentials" -}}
{{- if not .Values.consulCredentials }}
{{- fail "\n\nThese values are those of an older chart, without the defaults of this one: upgrade with --reset-then-reuse-values instead of --reuse-values.\n" }}
{{- end }}
{{- mergeOverwrite (deepCopy .Values.consulCredentials) (.Values.consul | default dict) | toYaml }}
{{- end }}

{{/* Values given under names that have changed, a line each: `old: new`. */}}
{{- define "kube-registrar.oldNames" -}}
{{- if .Values.consul }}
consul: consulCredentials
{{- end }}
{{- if .Values.image.pullSecrets }}
image.pullSecrets: imagePullSecrets
{{- end }}
{{- if .Values.priorityClass.name }}
priorityClass.name: priorityClassName
{{- end }}
{{- if .Values.serviceMonitor.labels }}
serviceMonitor.labels: serviceMonitor.additionalLabels
{{- end }}
{{- if .Values.podMonitor.labels }}
podMonitor.labels: podMonitor.additionalLabels
{{- end }}
{{- end }}

{{/* Name of the pods' priority class, or nothing. */}}
{{- define "kube-registrar.priorityClass" -}}
{{- $name := default .Values.priorityClass.name .Values.priorityClassName }}
{{- if $name }}{{ $name }}{{ else if .Values.priorityClass.create }}{{ include "kube-registrar.clusterName" . }}{{ end }}
{{- end }}

{{/* The namespaces the operator is confined to, as a JSON list; empty when it watches all. */}}
{{- define "kube-registrar.namespaces" -}}
{{- (.Values.config.kubernetes | default dict).namespaces | default list | uniq | toJson }}
{{- end }}

{{/* What a user's configuration and the values may not say together. */}}
{{- define "kube-registrar.validate" -}}
{{- $config := .Values.config }}
{{- $consul := $config.consul | default dict }}
{{- $credentials := include "kube-registrar.credentials" . | fromYaml }}
{{- $mistakes := list }}
{{- range $path := list (list "tokenSecret" "name") (list "caBundle" "configMap") (list "caBundle" "secret") (list "clientCertificate" "secret") }}
{{- $old := dig (first $path) (last $path) "" ($.Values.consul | default dict) }}
{{- $new := dig (first $path) (last $path) "" $.Values.consulCredentials }}
{{- if and $old $new (ne $old $new) }}
{{- $name := join "." $path }}
{{- $mistakes = append $mistakes (printf "consul.%s and consulCredentials.%s: one value under its old and its new name; remove consul.%s" $name $name $name) }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
{{- if regexMatch "^--(config|listen)(=|$)" . }}
{{- $mistakes = append $mistakes (printf "extraArgs: %s is set by the chart; remove it" .) }}
{{- else if and $.Values.cleanup.onUninstall (regexMatch "^--(cluster|consul|registration)-" .) }}
{{- $mistakes = append $mistakes (printf "extraArgs: %s would not reach the clean-up; set it in config" .) }}
{{- end }}
{{- end }}
{{- if (($config.server | default dict).listen) }}
{{- $mistakes = append $mistakes "config.server.listen: set by the chart; remove it (service.port is the port of the Service)" }}
{{- end }}
{{- if $consul.token }}
{{- $mistakes = append $mistakes "config.consul.token: would stand in a ConfigMap for all to read; create a Secret and name it in consulCredentials.tokenSecret.name" }}
{{- end }}
{{- range $key, $value := dict "tokenFile" $credentials.tokenSecret.name "caFile" (or $credentials.caBundle.configMap $credentials.caBundle.secret) "certFile" $credentials.clientCertificate.secret "keyFile" $credentials.clientCertificate.secret }}
{{- if and $value (index $consul $key) }}
{{- $mistakes = append $mistakes (printf "config.consul.%s: is set by the chart from the Secret or ConfigMap %q; keep one of the two" $key $value) }}
{{- end }}
{{- end }}
{{- if and $credentials.serviceAccountToken.enabled (not ($consul.acl | default dict).authMethod) }}
{{- $mistakes = append $mistakes "consulCredentials.serviceAccountToken.enabled: nobody logs in with it; name the auth method in config.consul.acl.authMethod" }}
{{- end }}
{{- if and ($consul.acl | default dict).authMethod (or $credentials.tokenSecret.name $consul.tokenFile) }}
{{- $mistakes = append $mistakes "config.consul.acl.authMethod: a token is set as well (consulCredentials.tokenSecret or config.consul.tokenFile); keep the login or the token" }}
{{- end }}
{{- if ne (not $consul.certFile) (not $consul.keyFile) }}
{{- $mistakes = append $mistakes "config.consul.certFile and keyFile: one is of no use without the other; set both, or name a Secret in consulCredentials.clientCertificate.secret" }}
{{- end }}
{{- if and $credentials.caBundle.configMap $credentials.caBundle.secret }}
{{- $mistakes = append $mistakes "consulCredentials.caBundle: configMap and secret are both set; keep one of the two" }}
{{- end }}
{{- if and (ne (include "kube-registrar.namespaces" .) "[]") (not ($config.cluster | default dict).uid) }}
{{- $mistakes = append $mistakes "config.cluster.uid: is needed with config.kubernetes.namespaces, because the operator then may not read the uid of namespace kube-system; get it with: kubectl get namespace kube-system -o jsonpath='{.metadata.uid}'" }}
{{- end }}
{{- $sync := $config.sync | default dict }}
{{- range $key, $value := dict "namespaces.selector" (($sync.namespaces | default dict).selector) "namespaceAnnotations" $sync.namespaceAnnotations }}
{{- if and $value (ne (include "kube-registrar.namespaces" $) "[]") }}
{{- $mistakes = append $mistakes (printf "config.sync.%s: needs cluster-wide rights to read Namespaces, and config.kubernetes.namespaces does without; remove one of the two, or name namespaces in config.sync.namespaces.include" $key) }}
{{- end }}
{{- end }}
{{- if and (gt (int .Values.replicas) 1) (ne (include "kube-registrar.elects" .) "true") }}
{{- $mistakes = append $mistakes "replicas: more than one needs leader election, or several operators would write the same; set replicas to 1 or 0, or config.leaderElection.enabled to true" }}
{{- end }}
{{- if and .Values.cleanup.onUninstall (eq (($config.registration | default dict).mode | default "catalog") "agent") }}
{{- $mistakes = append $mistakes "cleanup.onUninstall: its Job may not read where the agents are; set it to false, and before uninstalling scale the operator to 0 and run: kube-registrar purge" }}
{{- end }}
{{- /* As the program itself refuses it, but before the old pods are gone. */}}
{{- $registration := $config.registration | default dict }}
{{- if and (eq ($registration.mode | default "catalog") "agent") (or $credentials.tokenSecret.name $consul.tokenFile) (not $consul.allowPlaintextToken) (eq (($registration.agent | default dict).scheme | default "http") "http") }}
{{- $mistakes = append $mistakes "config.registration.agent.scheme: the token would go to whatever listens on the agents' port of a node; set it to https, or config.consul.allowPlaintextToken to true if nothing else can listen there" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- $mistakes = append $mistakes "serviceMonitor.enabled and podMonitor.enabled: Prometheus would scrape every pod twice; keep one of the two" }}
{{- end }}
{{- if $mistakes }}
{{- fail (printf "\n\nThese values do not go together:\n- %s\n" (join "\n- " $mistakes)) }}
{{- end }}
{{- end }}

{{/* "true" when one of several pods is elected to write. */}}
{{- define "kube-registrar.elects" -}}
{{- if ((.Values.config.leaderElection | default dict).enabled) }}true{{ else }}false{{ end }}
{{- end }}

{{/* The configuration file: the user's, and what the chart knows better. */}}
{{- define "kube-registrar.config" -}}
{{- include "kube-registrar.validate" . }}
{{- $credentials := include "kube-registrar.credentials" . | fromYaml }}
{{- $consul := dict }}
{{- if $credentials.tokenSecret.name }}
{{- $_ := set $consul "tokenFile" "/etc/kube-registrar/consul-token/token" }}
{{- end }}
{{- if or $credentials.caBundle.configMap $credentials.caBundle.secret }}
{{- $_ := set $consul "caFile" "/etc/kube-registrar/consul-ca/ca.crt" }}
{{- end }}
{{- if $credentials.clientCertificate.secret }}
{{- $_ := set $consul "certFile" "/etc/kube-registrar/consul-client/tls.crt" }}
{{- $_ := set $consul "keyFile" "/etc/kube-registrar/consul-client/tls.key" }}
{{- end }}
{{- if $credentials.serviceAccountToken.enabled }}
{{- $_ := set $consul "acl" (dict "bearerTokenFile" "/var/run/secrets/kube-registrar/consul-login/token") }}
{{- end }}
{{- $owned := dict }}
{{- if $consul }}
{{- $_ := set $owned "consul" $consul }}
{{- end }}
{{- /* Two releases in one namespace elect two leaders. */}}
{{- $election := .Values.config.leaderElection | default dict }}
{{- $name := include "kube-registrar.fullname" . }}
{{- if and $election.enabled (not $election.leaseName) (ne $name "kube-registrar") }}
{{- $_ := set $owned "leaderElection" (dict "leaseName" $name) }}
{{- end }}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $owned) }}
{{- end }}

{{/* What the operator, the test and the clean-up share: a container that may do nothing but its work. */}}
{{- define "kube-registrar.podSecurityContext" -}}
{{- $context := .Values.podSecurityContext | default dict }}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{- define "kube-registrar.securityContext" -}}
{{- toYaml (.Values.securityContext | default dict) }}
{{- end }}

{{- define "kube-registrar.dns" -}}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kube-registrar.volumeMounts" -}}
{{- $credentials := include "kube-registrar.credentials" . | fromYaml -}}
- name: config
  mountPath: /etc/kube-registrar/config
  readOnly: true
{{- if $credentials.tokenSecret.name }}
- name: consul-token
  mountPath: /etc/kube-registrar/consul-token
  readOnly: true
{{- end }}
{{- if or $credentials.caBundle.configMap $credentials.caBundle.secret }}
- name: consul-ca
  mountPath: /etc/kube-registrar/consul-ca
  readOnly: true
{{- end }}
{{- if $credentials.clientCertificate.secret }}
- name: consul-client
  mountPath: /etc/kube-registrar/consul-client
  readOnly: true
{{- end }}
{{- if $credentials.serviceAccountToken.enabled }}
- name: consul-login
  mountPath: /var/run/secrets/kube-registrar/consul-login
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Takes a list: the root and the name of the ConfigMap with the configuration. */}}
{{- define "kube-registrar.volumes" -}}
{{- $root := index . 0 }}
{{- $credentials := include "kube-registrar.credentials" $root | fromYaml }}
{{- with $root -}}
- name: config
  configMap:
    name: {{ index $ 1 }}
{{- with $credentials.tokenSecret }}
{{- if .name }}
- name: consul-token
  secret:
    secretName: {{ .name }}
    items:
      - key: {{ .key }}
        path: token
{{- end }}
{{- end }}
{{- with $credentials.caBundle }}
{{- if .configMap }}
- name: consul-ca
  configMap:
    name: {{ .configMap }}
    items:
      - key: {{ .key }}
        path: ca.crt
{{- else if .secret }}
- name: consul-ca
  secret:
    secretName: {{ .secret }}
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}
{{- end }}
{{- with $credentials.clientCertificate.secret }}
- name: consul-client
  secret:
    secretName: {{ . }}
{{- end }}
{{- with $credentials.serviceAccountToken }}
{{- if .enabled }}
- name: consul-login
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: {{ .expirationSeconds }}
          {{- with .audience }}
          audience: {{ . | quote }}
          {{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kube-registrar.env" -}}
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What is its own is not registered, whatever config.sync.default takes. */}}
{{- define "kube-registrar.unregistered" -}}
{{ printf "%s/service" (default "kube-registrar.io" .Values.config.annotationPrefix) }}: "false"
{{- end }}
