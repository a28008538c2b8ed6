"""PyTorch's operators (ATen): how each is counted, whether a module runs them or a file lists them. PyTorch is not
needed here."""
