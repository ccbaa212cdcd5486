package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
)

// writeImage writes the smallest container image, as an OCI layout.
func writeImage(h *apps.Home, name string) {
	blob := func(content string) string {
		digest := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
		h.Write(name+"/blobs/sha256/"+digest, content)
		return fmt.Sprintf(`"digest":"sha256:%s","size":%d`, digest, len(content))
	}
	config := blob(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	manifest := blob(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",` + config + `},"layers":[]}`)
	h.Write(name+"/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	h.Write(name+"/index.json", `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",`+manifest+`}]}`)
}

// Clients of container registries use the first challenge only, whatever the site accepts beside tokens.
func TestRegistry(t *testing.T) {
	t.Parallel()
	s := clientSite(t, apps.NewRegistry(t), config{site: bothTokens})
	h := apps.NewHome(t)
	writeImage(h, "image")
	at := "docker://" + strings.TrimPrefix(s.url("/team/tool:1"), "http://")
	s.eachBarred(t, func(t *testing.T, b barred) {
		args := []string{"--insecure-policy", "copy", "--dest-tls-verify=false", "oci:image", at}
		if b.token != "" {
			args = append(args, "--dest-creds", "alice:"+b.token)
		}
		mustFail(t, h.Run("skopeo", args...)) // after 429 it waits as long as it is told, and tries again
	}, func(t *testing.T, token string) {
		mustSucceed(t, h.Run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds", "alice:"+token, "oci:image", at))
		r := h.Run("skopeo", "inspect", "--tls-verify=false", "--creds", "alice:"+token, at)
		mustSucceed(t, r)
		if !r.Says(`"Architecture": "amd64"`) {
			t.Error(r.Out)
		}
	})
}

// npm sends its token as it is told to, and says what it was answered.
func TestNpm(t *testing.T) {
	t.Parallel()
	d := apps.NewWebDAV(t, map[string]string{"tool": `{"name":"tool","dist-tags":{"latest":"1.2.3"},"versions":{"1.2.3":{"name":"tool","version":"1.2.3"}}}`})
	s := clientSite(t, d.Addr, config{})
	h := apps.NewHome(t)
	view := func(setting string) apps.Result {
		h.Write(".npmrc", fmt.Sprintf("registry=%[1]s/\nfetch-retries=0\nupdate-notifier=false\n//%[2]s/:%[3]s\n", s.origin(), strings.TrimPrefix(s.origin(), "http://"), setting))
		return h.Run("npm", "view", "tool", "version")
	}
	basic := func(token string) string { return "_auth=" + base64.StdEncoding.EncodeToString([]byte("alice:"+token)) }
	alice, gina := s.create("alice"), s.create("gina")
	for _, setting := range []string{"_authToken=" + alice.Token, basic(alice.Token)} {
		if r := view(setting); !r.OK() || strings.TrimSpace(r.Out) != "1.2.3" {
			t.Errorf("%.8s: %d\n%s", setting, r.Code, r.Out)
		}
	}
	mustFail(t, view("_authToken="+wrongToken()), "E401")
	mustFail(t, view(basic(wrongToken())), "E401")
	mustFail(t, view("_authToken="+gina.Token), "E403")
}
