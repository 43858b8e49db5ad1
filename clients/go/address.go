package bonafide

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// The port of a deployment, where an address has none.
const usualPort = "50051"

// Where a deployment is, and whether TLS protects what is sent there.
type address struct {
	host, port string
	secure     bool
}

// Reads `https://host:port` or `http://host:port`; scheme and port may be left out.
func parseAddress(given string, plaintextAllowed bool) (address, error) {
	scheme, rest, found := strings.Cut(given, "://")
	if !found {
		scheme, rest = "", given
	}
	if strings.Contains(rest, "@") {
		// Not quoted: what stands before it may be a password.
		return address{}, errors.New("bonafide: an address has no user and no password")
	}
	if isIPv6(rest) {
		rest = "[" + rest + "]"
	}
	// The rules of hosts, ports and brackets are those of URLs.
	parsed, err := url.Parse("//" + rest)
	if err != nil || parsed.Hostname() == "" {
		return address{}, notAnAddress(given)
	}
	if (parsed.Path != "" && parsed.Path != "/") || strings.ContainsAny(rest, "?#") {
		return address{}, notAnAddress(given)
	}
	a := address{host: parsed.Hostname(), port: usualPort}
	if parsed.Port() != "" || strings.HasSuffix(parsed.Host, ":") {
		port, err := strconv.ParseUint(parsed.Port(), 10, 16)
		if err != nil || port == 0 {
			return address{}, notAnAddress(given)
		}
		a.port = strconv.FormatUint(port, 10)
	}
	switch strings.ToLower(scheme) {
	case "https":
		a.secure = true
	case "http":
	case "":
		a.secure = !isLoopback(a.host)
	default:
		return address{}, notAnAddress(given)
	}
	if !a.secure && !plaintextAllowed && !isLoopback(a.host) {
		return address{}, fmt.Errorf("bonafide: no key is sent to %s without TLS: use https://, or WithPlaintext where something else protects the network", a.host)
	}
	return a, nil
}

func (a address) String() string {
	scheme := "http"
	if a.secure {
		scheme = "https"
	}
	return scheme + "://" + a.hostPort()
}

func (a address) hostPort() string {
	return net.JoinHostPort(a.host, a.port)
}

func notAnAddress(given string) error {
	return fmt.Errorf("bonafide: %q is not an address such as https://bonafide.example:50051", given)
}

func isIPv6(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Is6()
}

func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
