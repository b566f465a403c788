# Names the pack. The digest over all files, not this text, identifies its content.
package chancery.pack

version := "1.0.0"
