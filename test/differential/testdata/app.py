"""An app on Werkzeug: it answers with what it understood, as base64 of JSON in the header Reading."""
import base64
import json
import sys

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

ROUTES = Map([Rule("/closed", endpoint="closed"), Rule("/closed/<path:rest>", endpoint="closed")])


def routes(environ):
    try:
        return [ROUTES.bind_to_environ(environ).match(method="GET")[0]]
    except RequestRedirect as redirect:
        return [redirect.new_url.split("//", 1)[-1].partition("/")[2].startswith("closed") and "closed" or ""]
    except (HTTPException, ValueError):
        return []


def app(environ, start_response):
    request = Request(environ)
    request.get_data()
    reading = {
        "method": request.method,
        "target": environ["REQUEST_URI"],
        "paths": [request.path],
        "query": list(request.args.items(multi=True)),
        "host": request.host,
        "header": list(request.headers),
        "routes": routes(environ),
    }
    text = base64.b64encode(json.dumps(reading).encode()).decode()
    return Response("", headers={"Reading": text})(environ, start_response)


class Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def log(self, type, message, *args):
        pass


server = make_server("127.0.0.1", int(sys.argv[1]), app, request_handler=Handler)
server.request_queue_size = 64
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
