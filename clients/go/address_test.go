package bonafide

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://bonafide.example:443":   "https://bonafide.example:443",
		"https://bonafide.example":       "https://bonafide.example:50051",
		"https://bonafide.example/":      "https://bonafide.example:50051",
		"HTTPS://bonafide.example":       "https://bonafide.example:50051",
		"bonafide.example":               "https://bonafide.example:50051",
		"bonafide.example:1":             "https://bonafide.example:1",
		"session-svc:50051":              "https://session-svc:50051",
		"10.0.0.1":                       "https://10.0.0.1:50051",
		"https://[2001:db8::1]:1":        "https://[2001:db8::1]:1",
		"2001:db8::1":                    "https://[2001:db8::1]:50051",
		"localhost":                      "http://localhost:50051",
		"LocalHost:1":                    "http://LocalHost:1",
		"https://localhost":              "https://localhost:50051",
		"http://localhost":               "http://localhost:50051",
		"127.0.0.1:1":                    "http://127.0.0.1:1",
		"127.1.2.3":                      "http://127.1.2.3:50051",
		"[::1]":                          "http://[::1]:50051",
		"[::1]:1":                        "http://[::1]:1",
		"::1":                            "http://[::1]:50051",
		"http://[::ffff:127.0.0.1]:1":    "http://[::ffff:127.0.0.1]:1",
		"http://localhost.example":       "",
		"http://bonafide.example":        "",
		"http://10.0.0.1:50051":          "",
		"http://127.0.0.1.example":       "",
		"http://0.0.0.0":                 "",
		"":                               "",
		"https://":                       "",
		"https://:50051":                 "",
		":50051":                         "",
		"ftp://bonafide.example":         "",
		"https://bonafide.example:0":     "",
		"https://bonafide.example:":      "",
		"https://bonafide.example:x":     "",
		"https://bonafide.example:-1":    "",
		"https://bonafide.example:99999": "",
		"https://bonafide.example/path":  "",
		"https://bonafide.example?a=b":   "",
		"https://bonafide.example#a":     "",
		"https://bonafide example":       "",
		"unix:/run/bonafide":             "",
		"https://user:word@localhost":    "",
	} {
		got, err := parseAddress(given, false)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v", given, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "word") && strings.Contains(err.Error(), "user:") {
			t.Errorf("%v has the password", err)
		}
	}
}

func TestPlaintextIsAllowedByName(t *testing.T) {
	t.Parallel()
	got, err := parseAddress("http://bonafide.example", true)
	if err != nil || got.String() != "http://bonafide.example:50051" {
		t.Error(got, err)
	}
	// It is no reason to do without TLS elsewhere.
	got, err = parseAddress("bonafide.example", true)
	if err != nil || !got.secure {
		t.Error(got, err)
	}
}
