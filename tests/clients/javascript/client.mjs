// The official JavaScript client against minik: list, informer with reconnect after 410, exec, port-forward,
// logs, server-side apply.  usage: client.mjs MODULES RESTART_COMMAND
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { PassThrough, Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const [modules, restart] = process.argv.slice(2);
const entry = createRequire(`${modules}/`).resolve('@kubernetes/client-node');
const k8s = await import(pathToFileURL(entry).href);

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const namespace = 'default';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what, holds, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    if (await holds()) return;
  }
  assert.fail(`not within ${seconds} s: ${what}`);
}
async function statusOf(call) {
  try {
    await call();
  } catch (error) {
    return { code: error.code, body: JSON.parse(error.body) };
  }
  assert.fail('the call succeeded');
}
const collect = (stream) => {
  const all = { text: '' };
  stream.on('data', (chunk) => (all.text += chunk));
  return all;
};

const steps = {
  async list() {
    const nodes = await core.listNode();
    assert.equal(nodes.kind, 'NodeList');
    assert.equal(nodes.items[0].metadata.name, 'node-1');
    assert.ok(nodes.items[0].metadata.creationTimestamp instanceof Date);
    for (let i = 0; i < 7; ++i)
      await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: `page-${i}`, labels: { pages: 'yes' } } } });
    const seen = [];
    let _continue;
    do {
      const page = await core.listNamespacedConfigMap({ namespace, labelSelector: 'pages=yes', limit: 3, _continue });
      assert.ok(page.items.length <= 3);
      seen.push(...page.items.map((item) => item.metadata.name));
      _continue = page.metadata._continue;
    } while (_continue);
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6].map((i) => `page-${i}`));
    const missing = await statusOf(() => core.readNamespacedPod({ name: 'nobody', namespace }));
    assert.equal(missing.code, 404);
    assert.equal(missing.body.message, 'pods "nobody" not found');
  },

  async informer() {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const informer = k8s.makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }));
    const log = [];
    for (const verb of ['add', 'update', 'delete']) informer.on(verb, (object) => log.push(`${verb} ${object.metadata.name}`));
    let failures = 0, connects = 0;
    informer.on('connect', () => ++connects);
    // What the client's own documentation advises: begin again after an error.
    informer.on('error', () => {
      ++failures;
      setTimeout(() => informer.start(), 200);
    });
    await informer.start();
    await until('the first list', () => log.includes('add page-0'));
    const make = (name) => core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { a: '1' } } });
    await make('seen');
    await until('add', () => log.includes('add seen'));
    await objects.patch({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seen', namespace }, data: { a: '2' } });
    await until('update', () => log.includes('update seen'));
    const before = connects;
    execFileSync('bash', ['-c', restart], { stdio: 'inherit' });
    await core.deleteNamespacedConfigMap({ name: 'seen', namespace });
    await make('after');
    await until('the reconnect', () => log.includes('delete seen') && log.includes('add after'));
    assert.ok(connects > before);
    await informer.stop();
    console.log(`  reconnected ${connects - before} times, ${failures} errors`);
  },

  async gone() {
    // A watch from before the history: 410, and an informer that holds such a version lists again.
    const watch = new k8s.Watch(config);
    const error = await new Promise((resolve) =>
      watch.watch(`/api/v1/namespaces/${namespace}/configmaps`, { resourceVersion: '1' },
        (type, object) => type === 'ERROR' && resolve(object), resolve));
    assert.equal(error?.code ?? error?.statusCode, 410);
    let lists = 0;
    const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () => {
      ++lists;
      return core.listNamespacedConfigMap({ namespace });
    });
    informer.resourceVersion = '1';
    const seen = new Set();
    informer.on('add', (object) => seen.add(object.metadata.name));
    informer.on('error', () => setTimeout(() => informer.start(), 100));
    await informer.start();
    await until('the list after 410', () => seen.has('after') && lists === 1);
    await informer.stop();
  },

  async serverSideApply() {
    const deployment = (image, replicas) => ({
      apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace },
      spec: { replicas, selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 80 }] }] } } },
    });
    const apply = (object, manager, force) =>
      objects.patch(object, undefined, undefined, manager, force, k8s.PatchStrategy.ServerSideApply);
    const made = await apply(deployment('nginx', 1), 'one');
    assert.equal(made.metadata.managedFields[0].manager, 'one');
    assert.equal(made.metadata.managedFields[0].operation, 'Apply');
    const again = await apply(deployment('nginx', 1), 'one');
    assert.equal(again.metadata.generation, 1);
    const refused = await statusOf(() => apply(deployment('nginx', 2), 'two'));
    assert.equal(refused.code, 409);
    assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "one": .spec.replicas');
    assert.deepEqual(refused.body.details.causes,
      [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' }]);
    const forced = await apply(deployment('nginx', 2), 'two', true);
    assert.equal(forced.spec.replicas, 2);
    await until('two ready pods', async () =>
      (await apps.readNamespacedDeployment({ name: 'web', namespace })).status?.readyReplicas === 2, 60);
  },

  async exec() {
    const pod = (await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })).items[0].metadata.name;
    const run = (command, stdin) => new Promise((resolve, reject) => {
      const out = new PassThrough(), err = new PassThrough();
      const output = collect(out), errors = collect(err);
      new k8s.Exec(config).exec(namespace, pod, 'web', command, out, err, stdin ?? null, false,
        (status) => setTimeout(() => resolve({ status, out: output.text, err: errors.text }), 50)).catch(reject);
    });
    const both = await run(['sh', '-c', 'echo to-out; echo to-err >&2']);
    assert.deepEqual([both.out, both.err, both.status.status], ['to-out\n', 'to-err\n', 'Success']);
    const three = await run(['sh', '-c', 'exit 3']);
    assert.equal(three.status.reason, 'NonZeroExitCode');
    assert.equal(three.status.details.causes[0].message, '3');
    const echoed = await run(['cat'], Readable.from(['through ', 'and back\n']));
    assert.equal(echoed.out, 'through and back\n');
  },

  async portForward() {
    const pod = (await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })).items[0].metadata.name;
    const forward = new k8s.PortForward(config);
    for (let i = 0; i < 20; ++i) {
      const output = new PassThrough(), input = new PassThrough();
      const answer = collect(output);
      const socket = await forward.portForward(namespace, pod, [80], output, null, input);
      input.write('GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n');
      await until('an answer through the forward', () => /^HTTP\/1\.1 200 /.test(answer.text));
      socket.close();
    }
  },

  async logs() {
    await core.createNamespacedPod({ namespace, body: { metadata: { name: 'talker' },
      spec: { containers: [{ name: 'c', image: 'busybox', command: ['sh', '-c', 'for i in 1 2 3; do echo line $i; done; sleep 600'] }] } } });
    await until('the pod runs', async () =>
      (await core.readNamespacedPod({ name: 'talker', namespace })).status?.phase === 'Running');
    const stream = new PassThrough();
    const text = collect(stream);
    const controller = await new k8s.Log(config).log(namespace, 'talker', 'c', stream, { follow: true, tailLines: 2 });
    await until('the last two lines', () => text.text === 'line 2\nline 3\n');
    controller.abort();
    assert.equal(await core.readNamespacedPodLog({ name: 'talker', namespace, limitBytes: 6 }), 'line 1');
  },

  async remove() {
    await core.deleteNamespacedPod({ name: 'talker', namespace, gracePeriodSeconds: 0 });
    await apps.deleteNamespacedDeployment({ name: 'web', namespace, propagationPolicy: 'Foreground' });
    await until('the deployment is gone', async () =>
      (await apps.listNamespacedDeployment({ namespace })).items.length === 0);
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'pages=yes' });
    assert.equal((await core.listNamespacedConfigMap({ namespace, labelSelector: 'pages=yes' })).items.length, 0);
  },
};

// `follow` of a log ends with an abort that the client reports as an unhandled stream error.
process.on('uncaughtException', (error) => {
  if (error.name === 'AbortError' || error.code === 'ABORT_ERR') return;
  console.error(error);
  process.exit(1);
});
for (const [name, step] of Object.entries(steps)) {
  console.log(name);
  await step();
}
process.exit(0);
