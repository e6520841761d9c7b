#!/usr/bin/env python3
"""Writes messages.txt: the protobuf messages behind the kinds that minik serves, from the Go types of Kubernetes.

usage: generate.py MODULES >messages.txt      MODULES: the folder that holds api@v… and apimachinery@v… (GOMODCACHE/k8s.io)

The Go types say in their tags what no .proto file says: the JSON name of a field, and whether it is a pointer (then a
value of zero is meant, otherwise it stands for "not set").  One line per message: PACKAGE.NAME and its fields
`NUMBER NAME TYPE`; `*` before the type marks a pointer, `[]` a list, `{}` a map, `!` a message whose members belong to
its parent's JSON.
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
    'meta/v1': 'DeleteOptions Status',
}
SCALARS = {'string': 'string', 'int32': 'int32', 'int64': 'int64', 'bool': 'bool', 'float64': 'double', '[]byte': 'bytes',
           'metav1.Time': 'Time', 'Time': 'Time', 'metav1.MicroTime': 'MicroTime', 'MicroTime': 'MicroTime',
           'resource.Quantity': 'Quantity', 'intstr.IntOrString': 'IntOrString', 'runtime.RawExtension': 'Raw',
           'RawExtension': 'Raw', 'FieldsV1': 'Raw', 'metav1.FieldsV1': 'Raw', 'metav1.Duration': 'Duration', 'Duration': 'Duration',
           'types.UID': 'string', 'types.NodeName': 'string', 'int': 'int64', 'uint8': 'int32'}


class Package:
    def __init__(self, folder):
        self.structs, self.names = {}, {}
        for path in glob.glob(folder + '/types*.go') + glob.glob(folder + '/well_known*.go'):
            text = re.sub(r'//[^\n]*', '', open(path, encoding='utf-8').read())
            for name, body in re.findall(r'^type (\w+) struct \{(.*?)^\}', text, re.S | re.M):
                self.structs[name] = body
            for name, other in re.findall(r'^type (\w+) ((?:\[\]|map|[\w.])[\w.\[\]*]*)$', text, re.M):
                if other != 'struct':
                    self.names[name] = other


class Writer:
    def __init__(self, modules):
        self.modules, self.packages, self.lines = modules, {}, {}

    def package(self, name):
        if name not in self.packages:
            base = 'apimachinery@v*/pkg/apis/meta/v1' if name == 'meta/v1' else 'api@v*/' + name
            self.packages[name] = Package(glob.glob(self.modules + '/' + base)[0])
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
            where = {'metav1': 'meta/v1', 'v1': 'core/v1', 'corev1': 'core/v1', 'apiv1': 'core/v1',
                     'batchv1': 'batch/v1', 'policyv1': 'policy/v1'}[alias]
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
            proto = re.search(r'name=(\w+)', tag.group(1))
            fields.append((int(number.group(1)), json or (proto.group(1) if proto else words[0]), ('!' if inline else '') + prefix + kind))
        self.lines[full] = ', '.join(f'{number} {json} {kind}' for number, json, kind in sorted(fields))
        return full


def main():
    writer = Writer(sys.argv[1])
    for package, kinds in ROOTS.items():
        for kind in kinds.split():
            writer.message(package, kind)
    for full in sorted(writer.lines):
        print(f'{full}: {writer.lines[full]}')


if __name__ == '__main__':
    main()
