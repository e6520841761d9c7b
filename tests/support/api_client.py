"""The API by the Python standard library, with the client certificate of a kubeconfig."""
import base64, http.client, json, re, ssl, tempfile


class Api:
    def __init__(self, kubeconfig):
        text = open(kubeconfig).read()
        parts = {}
        for key in ("certificate-authority", "client-certificate", "client-key"):
            with tempfile.NamedTemporaryFile(delete=False) as file:
                file.write(base64.b64decode(re.search(key + r"-data: *\"?([A-Za-z0-9+/=]+)", text).group(1)))
            parts[key] = file.name
        self.context = ssl.create_default_context(cafile=parts["certificate-authority"])
        self.context.load_cert_chain(parts["client-certificate"], parts["client-key"])
        self.port = int(re.search(r"server: *\"?https://[^:]+:(\d+)", text).group(1))

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)


def call(connection, method, path, body=None, accept="application/json"):
    headers = {"Content-Type": "application/json", "Accept": accept}
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())
