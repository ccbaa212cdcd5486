package main

import "encoding/base64"

// basicAuth is what a program sends as its password.
func basicAuth(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
