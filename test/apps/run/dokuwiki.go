package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// dokuWiki is Debian's DokuWiki in a folder of its own, with the plugin of its page.
type dokuWiki struct{ root, found string }

func (a *dokuWiki) name() string             { return "DokuWiki" }
func (a *dokuWiki) version() string          { return a.found }
func (a *dokuWiki) page() string             { return "dokuwiki" }
func (a *dokuWiki) path() string             { return "/doku.php" }
func (a *dokuWiki) header() string           { return "Remote-User" }
func (a *dokuWiki) hiding() string           { return "it speaks FastCGI" }
func (a *dokuWiki) shows(user string) string { return "(" + user + ")" }

func (a *dokuWiki) install(cache string) (err error) {
	a.root, a.found, err = tryout.DebianProgram(cache, "dokuwiki", "dokuwiki", "php8.2-fpm", "php8.2-xml", "php8.2-mbstring")
	return err
}

func (a *dokuWiki) start(t testing.TB, p place) map[string]string {
	// Debian has its files in three places, by absolute links.
	wiki := filepath.Join(p.dir, "dokuwiki")
	for _, one := range [][2]string{
		{"usr/share/dokuwiki", wiki},
		{"var/lib/dokuwiki/lib/plugins", filepath.Join(wiki, "lib/plugins")},
		{"var/lib/dokuwiki/lib/tpl", filepath.Join(wiki, "lib/tpl")},
		{"etc/dokuwiki", filepath.Join(wiki, "conf")},
		{"var/lib/dokuwiki/data", filepath.Join(wiki, "data")},
	} {
		script := `rm -rf "$1" && cp -r "$0" "$1"`
		if err := tryout.Command(p.dir, nil, "sh", "-c", script, filepath.Join(a.root, one[0]), one[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := tryout.Command(wiki, nil, "sh", "-c", `find . -xtype l -delete; mkdir -p data/locks data/cache data/tmp data/index data/log; sed -i "s|/etc/dokuwiki|$0|" inc/preload.php; grep -rl /usr/share/php vendor inc | xargs sed -i "s|/usr/share/php|$1/usr/share/php|g"`, filepath.Join(wiki, "conf"), a.root); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(wiki, "lib/plugins/authgateway/auth.php"), block(t, p.page, "php"))
	writeFile(t, filepath.Join(wiki, "lib/plugins/authgateway/plugin.info.txt"), block(t, p.page, "text"))
	writeFile(t, filepath.Join(wiki, "conf/local.php"), fmt.Sprintf("%s$conf['savedir'] = '%s/data';\n", blockAfter(t, p.page, "php", "`conf/local.php`"), wiki))
	writeFile(t, filepath.Join(wiki, "conf/acl.auth.php"), "# <?php exit()?>\n*\t@ALL\t0\n*\t@user\t16\n")
	startFPM(t, a.root, p, "xml", "dom", "simplexml", "xmlreader", "xmlwriter", "mbstring", "fileinfo", "ctype", "iconv", "posix", "tokenizer", "intl")
	return map[string]string{"/usr/share/dokuwiki": wiki, "unix//run/php/php-fpm.sock": p.addr}
}

var dokuUser = regexp.MustCompile(`\(<bdi>([a-z]+)</bdi>\)`)

func (a *dokuWiki) user(t testing.TB, c *rig.HTTP, origin string, header map[string][]string) string {
	return readUser(t, c, origin+"/doku.php", header, func(text string) string {
		if found := dokuUser.FindStringSubmatch(text); found != nil {
			return found[1]
		}
		return ""
	})
}
