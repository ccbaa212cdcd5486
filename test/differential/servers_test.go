package differential

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// server is a real server behind the gateway.
type server struct{ name, addr string }

// servers starts all of them, on loopback ports and with their files in a folder of the test.
func servers(t testing.TB) []server {
	t.Helper()
	return []server{
		{"net/http", netHTTP(t)}, {"node", nodeHTTP(t)}, {"werkzeug", werkzeug(t)}, {"apache", apache(t)}, {"nginx", nginx(t)},
	}
}

func freeAddr(t testing.TB) (addr string, port string) {
	port = fmt.Sprint(rig.FreePort(t))
	return net.JoinHostPort("127.0.0.1", port), port
}

// netHTTP reads as Go does: the path of the URL, that path cleaned, and the route of the multiplexer.
func netHTTP(t testing.TB) string {
	mux := http.NewServeMux()
	mux.Handle("/closed/", http.NotFoundHandler())
	mux.Handle("/closed", http.NotFoundHandler())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &reading{Method: r.Method, Target: r.RequestURI, Host: r.Host, Paths: []string{r.URL.Path, cleaned(r.URL.Path)}}
		for k, values := range r.URL.Query() {
			for _, v := range values {
				out.Query = append(out.Query, [2]string{k, v})
			}
		}
		for k, values := range r.Header {
			for _, v := range values {
				out.Header = append(out.Header, [2]string{k, v})
			}
		}
		if _, pattern := mux.Handler(r); pattern != "" {
			out.Routes = []string{"closed"}
		}
		w.Header().Set("Reading", encodeReading(out))
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// cleaned is path.Clean, which takes the last slash away.
func cleaned(p string) string {
	if c := path.Clean(p); c != "/" && strings.HasSuffix(p, "/") {
		return c + "/"
	}
	return path.Clean(p)
}

func nodeHTTP(t testing.TB) string {
	addr, port := freeAddr(t)
	rig.StartServer(t, rig.ServerConfig{Names: []string{"node"}, Args: []string{"testdata/app.mjs", port}, Addr: addr})
	return addr
}

func werkzeug(t testing.TB) string {
	addr, port := freeAddr(t)
	rig.StartServer(t, rig.ServerConfig{
		Names: []string{rig.PythonModule(t, "werkzeug")}, Args: []string{"testdata/app.py", port}, Addr: addr,
	})
	return addr
}

// told is the FastCGI app behind a server.
func told(t testing.TB, name string) string {
	return fastCGI(t, func(env map[string]string) string {
		return "Status: 200 OK\r\nContent-Type: text/plain\r\nReading: " + encodeReading(readEnv(name, env)) + "\r\n\r\n"
	})
}

func apache(t testing.TB) string {
	addr, _ := freeAddr(t)
	// Its worker is another user, who may not look into the folders of a test.
	dir, err := os.MkdirTemp("", "latchkey-apache-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "files"), 0o755)} { //nolint:gosec // nothing is in them
		if err != nil {
			t.Fatal(err)
		}
	}
	conf := fmt.Sprintf(`ServerRoot "%[1]s"
PidFile "%[1]s/pid"
ErrorLog /dev/stderr
DefaultRuntimeDir "%[1]s"
DocumentRoot "%[1]s/files"
ServerName app.lk.localhost
Listen %[2]s
%[4]s
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
MaxSpareThreads 128
AsyncRequestWorkerFactor 10
KeepAlive On
KeepAliveTimeout 600
MaxKeepAliveRequests 0
ProxyFCGISetEnvIf "true" APP_PATH "%%{REQUEST_URI}"
<Proxy "fcgi://%[3]s" enablereuse=on>
</Proxy>
<Directory "/">
	AllowOverride None
</Directory>
<Location "/">
	Require all granted
	SetHandler "proxy:fcgi://%[3]s"
</Location>
<Location "/closed">
	SetEnv APP_ROUTE closed
</Location>
`, dir, addr, told(t, "apache"), apacheUser())
	file := filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	rig.StartServer(t, rig.ServerConfig{Names: []string{"apache2", "/usr/sbin/apache2"}, Args: []string{"-f", file, "-DFOREGROUND"}, Addr: addr})
	return addr
}

// apacheUser is who Apache's worker runs as: never root, which it refuses.
func apacheUser() string {
	if os.Getuid() != 0 {
		return ""
	}
	return "User www-data\nGroup www-data"
}

func nginx(t testing.TB) string {
	addr, _ := freeAddr(t)
	dir := t.TempDir()
	conf := fmt.Sprintf(`daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr crit;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	keepalive_requests 1000000;
	keepalive_timeout 600s;
	fastcgi_keep_conn on;
	fastcgi_buffer_size 64k;
	fastcgi_buffers 4 64k;
	fastcgi_param REQUEST_METHOD $request_method;
	fastcgi_param REQUEST_URI $request_uri;
	fastcgi_param QUERY_STRING $query_string;
	fastcgi_param SCRIPT_NAME $fastcgi_script_name;
	fastcgi_param DOCUMENT_URI $document_uri;
	fastcgi_param HTTP_HOST $http_host;
	fastcgi_param APP_ROUTE $app_route;
	map $uri $app_route { default ""; "~^/closed(/|$)" closed; }
	upstream app { server %[3]s; keepalive 16; }
	server {
		listen %[2]s;
		location / { fastcgi_pass app; }
	}
}
`, dir, addr, told(t, "nginx"))
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	rig.StartServer(t, rig.ServerConfig{
		Names: []string{"nginx", "/usr/sbin/nginx"}, Args: []string{"-p", dir, "-c", file, "-e", "stderr"}, Dir: dir, Addr: addr,
	})
	return addr
}
