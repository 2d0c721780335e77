// Package nopcommerce is a typed client for the web APIs of nopCommerce.
package nopcommerce
