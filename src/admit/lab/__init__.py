"""The lab: sessions and tokens measured beside each other on the reader's own machine and stores."""
