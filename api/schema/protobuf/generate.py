#!/usr/bin/env python3
"""Writes messages.txt: the protobuf messages behind the kinds that minik serves, from the Go types of Kubernetes.

usage: generate.py MODULES VERSION >messages.txt
MODULES/{api,apimachinery,apiextensions-apiserver}@VERSION: as the Go tools leave them in GOMODCACHE/k8s.io.

The Go types say in their tags what no .proto file says: the JSON name of a field, and whether it is a pointer or is
always written (then a value of zero is kept, otherwise it stands for "not set").  One line per message: PACKAGE.NAME and its fields
`NUMBER NAME TYPE`; `*` before the type marks one that keeps zero, `[]` a list, `{}` a map, `!` a message whose members belong to
its parent's JSON.  The name `-` says that the JSON of the message is the value of that field.  `kind` lines say which
message an apiVersion and kind stand for.
"""
import glob
import re
import sys

ROOTS = {  # Package → kinds.
    'core/v1': 'Pod Service Endpoints Namespace Node ConfigMap Secret ServiceAccount Event ReplicationController PodTemplate '
               'PersistentVolume PersistentVolumeClaim ResourceQuota LimitRange Binding',
    'apps/v1': 'Deployment ReplicaSet DaemonSet StatefulSet ControllerRevision',
    'batch/v1': 'Job CronJob', 'policy/v1': 'PodDisruptionBudget Eviction', 'networking/v1': 'Ingress IngressClass NetworkPolicy',
    'discovery/v1': 'EndpointSlice', 'autoscaling/v1': 'HorizontalPodAutoscaler Scale', 'autoscaling/v2': 'HorizontalPodAutoscaler',
    'coordination/v1': 'Lease', 'scheduling/v1': 'PriorityClass', 'node/v1': 'RuntimeClass', 'storage/v1': 'StorageClass',
    'rbac/v1': 'Role ClusterRole RoleBinding ClusterRoleBinding', 'events/v1': 'Event',
    'authentication/v1': 'TokenReview TokenRequest SelfSubjectReview',
    'authorization/v1': 'SubjectAccessReview SelfSubjectAccessReview LocalSubjectAccessReview SelfSubjectRulesReview',
    'meta/v1': 'DeleteOptions', 'apiextensions/v1': 'CustomResourceDefinition',
    'authentication/v1beta1': 'SelfSubjectReview TokenReview', 'authentication/v1alpha1': 'SelfSubjectReview',
    'networking/v1beta1': 'Ingress IngressClass', 'policy/v1beta1': 'PodDisruptionBudget Eviction',
    'batch/v1beta1': 'CronJob', 'discovery/v1beta1': 'EndpointSlice', 'apps/v1beta2': 'Deployment',
    'apps/v1beta1': 'Deployment StatefulSet', 'extensions/v1beta1': 'Deployment Ingress NetworkPolicy DaemonSet ReplicaSet',
}
# Messages whose JSON is one value.
VALUES = {
    'Quantity': '1 - *string', 'Raw': '1 - json', 'Strings': '1 - []string',
    'Time': '1 seconds *int64, 2 nanos *int32', 'MicroTime': '1 seconds *int64, 2 nanos *int32',
    'IntOrString': '1 type int64, 2 number *int32, 3 text *string',
    'OrBool': '1 - *bool, 2 - apiextensions.v1.JSONSchemaProps',
    'OrArray': '1 - apiextensions.v1.JSONSchemaProps, 2 - []apiextensions.v1.JSONSchemaProps',
    'OrStrings': '1 - apiextensions.v1.JSONSchemaProps, 2 - []string',
}
SCALARS = {'string': 'string', 'int32': 'int32', 'int64': 'int64', 'bool': 'bool', 'float64': 'double', '[]byte': 'bytes',
           'metav1.Time': 'Time', 'Time': 'Time', 'metav1.MicroTime': 'MicroTime', 'MicroTime': 'MicroTime',
           'resource.Quantity': 'Quantity', 'intstr.IntOrString': 'IntOrString', 'runtime.RawExtension': 'Raw',
           'RawExtension': 'Raw', 'FieldsV1': 'Raw', 'metav1.FieldsV1': 'Raw', 'JSON': 'Raw',
           'JSONSchemaPropsOrBool': 'OrBool', 'JSONSchemaPropsOrArray': 'OrArray', 'JSONSchemaPropsOrStringArray': 'OrStrings',
           'types.UID': 'string', 'types.NodeName': 'string', 'int': 'int64', 'uint8': 'int32'}


class Package:
    def __init__(self, folder):
        self.structs, self.names, self.imports, self.group = {}, {}, {}, ''
        for path in glob.glob(folder + '/register.go'):
            self.group = re.search(r'GroupName\s*=\s*"(.*)"', open(path, encoding='utf-8').read()).group(1)
        for path in glob.glob(folder + '/types*.go') + glob.glob(folder + '/well_known*.go'):
            text = open(path, encoding='utf-8').read()
            for alias, where in re.findall(r'^\s+(?:(\w+) )?"k8s.io/(?:api|apimachinery/pkg/apis)/([\w/]+)"$', text, re.M):
                self.imports[alias or where.split('/')[-1]] = where
            text = re.sub(r'//[^\n]*', '', text)
            for name, body in re.findall(r'^type (\w+) struct \{(.*?)^\}', text, re.S | re.M):
                self.structs[name] = body
            self.structs.update((name, '') for name in re.findall(r'^type (\w+) struct ?\{\}$', text, re.M))
            for name, other in re.findall(r'^type (\w+) ((?:\[\]|map|[\w.])[\w.\[\]*]*)$', text, re.M):
                if other != 'struct':
                    self.names[name] = other


class Writer:
    def __init__(self, modules, version):
        self.modules, self.version, self.packages, self.lines = modules, version, {}, {}

    def package(self, name):
        if name not in self.packages:
            base = {'meta/v1': 'apimachinery@' + self.version + '/pkg/apis/meta/v1',
                    'apiextensions/v1': 'apiextensions-apiserver@' + self.version + '/pkg/apis/apiextensions/v1'}.get(name, f'api@{self.version}/{name}')
            self.packages[name] = Package(self.modules + '/' + base)
        return self.packages[name]

    def kind_of(self, go, package):
        """(prefix, type) of a Go type: prefix is of '*', '[]', '{}'."""
        if go.startswith('*'):
            return ('*' + self.kind_of(go[1:], package)[0], self.kind_of(go[1:], package)[1])
        if go in SCALARS:
            return '', SCALARS[go]
        if go.startswith('[]'):
            return '[]', self.kind_of(go[2:], package)[1]
        if go.startswith('map['):
            return '{}', self.wrapped(go[go.index(']') + 1:], package)
        where, name = package, go
        if '.' in go:
            alias, name = go.split('.')
            where = self.package(package).imports[alias]
        names = self.package(where).names
        if name in names:
            if name in ('ExtraValue', 'Verbs'):
                return '', 'Strings'
            return self.kind_of(names[name], where)
        return '', self.message(where, name)

    def wrapped(self, go, package):
        prefix, kind = self.kind_of(go, package)
        return prefix + kind

    def message(self, package, name):
        full = package.replace('/', '.') + '.' + name
        if full in self.lines:
            return full
        self.lines[full] = None
        fields = []
        for line in self.package(package).structs[name].splitlines():
            tag = re.search(r'`(.*)`', line)
            number = tag and re.search(r'protobuf:"[^"]*?,(\d+),', tag.group(1))
            if not number:
                continue
            words = line[:tag.start()].split()
            json = re.search(r'json:"([^",]*)', tag.group(1)).group(1)
            inline = ',inline' in tag.group(1)
            prefix, kind = self.kind_of(words[-1], package)
            if prefix == '' and kind in ('string', 'int32', 'int64', 'bool', 'double') and ',omitempty' not in tag.group(1):
                prefix = '*'
            proto = re.search(r'name=(\w+)', tag.group(1))
            fields.append((int(number.group(1)), json or (proto.group(1) if proto else words[0]), ('!' if inline else '') + prefix + kind))
        self.lines[full] = ', '.join(f'{number} {json} {kind}' for number, json, kind in sorted(fields))
        return full


def main():
    writer = Writer(sys.argv[1], sys.argv[2])
    for package, kinds in ROOTS.items():
        for kind in kinds.split():
            writer.message(package, kind)
    for package, kinds in ROOTS.items():
        group = writer.package(package).group
        version = package.split('/')[1]
        for kind in kinds.split():
            print(f"kind {group + '/' if group else ''}{version} {kind}: {package.replace('/', '.')}.{kind}")
    for name, fields in VALUES.items():
        print(f'{name}: {fields}')
    for full in sorted(writer.lines):
        print(f'{full}: {writer.lines[full]}')


if __name__ == '__main__':
    main()
