// Command roots prints the certificate authorities that the image trusts, in PEM: those of Mozilla for TLS servers, as the Go
// project keeps them in golang.org/x/crypto/x509roots/fallback. Which edition is in go.mod beside it.
//
// An authority that Mozilla trusts with constraints alone is left out: a file of certificates cannot say them.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	w := bufio.NewWriter(os.Stdout)
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "roots:", err)
		os.Exit(1)
	}
}

func write(w io.Writer) error {
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "# %s\n", certificate.Subject); err != nil {
			return err
		}
		if err := pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return err
		}
	}
	return nil
}
