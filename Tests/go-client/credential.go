package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"time"
)

// credentialOf makes the certificate that an API key stands for: self-signed, Ed25519, named by its identity.
func credentialOf(apiKey string) (tls.Certificate, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(apiKey, "kes:v1:"))
	if err != nil {
		return tls.Certificate{}, err
	}
	if len(raw) != 1+ed25519.SeedSize || raw[0] != 0 {
		return tls.Certificate{}, errors.New("not an API key")
	}
	key := ed25519.NewKeyFromSeed(raw[1:])
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return tls.Certificate{}, err
	}
	identity := sha256.Sum256(public)
	template := x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: hex.EncodeToString(identity[:])},
		NotBefore:             time.Now(),
		NotAfter:              time.Now().Add(90 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}, nil
}
