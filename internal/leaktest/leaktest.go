// Package leaktest searches everything a value refers to for texts, for the tests
// that prove that nothing of a user is left after a logout.
package leaktest

import (
	"reflect"
	"strings"
)

// Find walks v, including unexported fields, maps and the unused capacity of
// slices, and returns the path of the first field in which one of the texts is
// found, or "". Functions and channels are not searched.
func Find(v any, texts ...string) string {
	w := walker{texts: texts, seen: map[seen]bool{}}
	return w.walk(reflect.ValueOf(v), "")
}

type seen struct {
	at  uintptr
	typ reflect.Type
}

type walker struct {
	texts []string
	seen  map[seen]bool
}

func (w *walker) walk(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.String:
		for _, s := range w.texts {
			if strings.Contains(v.String(), s) {
				return path + ": " + s
			}
		}
	case reflect.Pointer:
		if v.IsNil() || w.seen[seen{v.Pointer(), v.Type()}] {
			return ""
		}
		w.seen[seen{v.Pointer(), v.Type()}] = true
		return w.walk(v.Elem(), path)
	case reflect.Interface:
		if !v.IsNil() {
			return w.walk(v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if s := w.walk(v.Field(i), path+"."+v.Type().Field(i).Name); s != "" {
				return s
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if s := w.walk(it.Key(), path+"[key]"); s != "" {
				return s
			}
			if s := w.walk(it.Value(), path+"[]"); s != "" {
				return s
			}
		}
	case reflect.Slice:
		v = v.Slice3(0, v.Cap(), v.Cap())
		return w.elements(v, path)
	case reflect.Array:
		return w.elements(v, path)
	}
	return ""
}

func (w *walker) elements(v reflect.Value, path string) string {
	for i := range v.Len() {
		if s := w.walk(v.Index(i), path+"[]"); s != "" {
			return s
		}
	}
	return ""
}
