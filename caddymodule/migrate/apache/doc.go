// Package apache reads a configuration of Apache httpd with mod_auth_openidc for a migration.
//
// It decides what a virtual host, its sections and their demands (Require) become. It reads no included file, no .htaccess file
// and no environment.
//
// The files:
//
//   - syntax.go reads Apache's notation; apache.go finds the virtual hosts and makes a site of each;
//   - provider.go is where users sign in and how long sessions live; require.go is what a section demands, access.go which
//     parts of a site those are; apps.go is what is behind the site and what it is told;
//   - keys.go has the directives that only need a note.
package apache
